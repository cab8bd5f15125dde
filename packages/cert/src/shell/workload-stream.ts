import { type Client, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import type { Scheduler } from "../clock.js";
import { WORKLOAD_HEADER } from "../workload-api.js";

/** Who is told about a stream. */
export interface StreamListener {
  /** A message; each is the whole state. What it throws is told to `failed`, and the stream goes on. */
  readonly message: (bytes: Uint8Array) => void;
  /** The stream broke, or a message was thrown away. */
  readonly failed: (error: unknown) => void;
  /** The endpoint says that the caller may have this no more. */
  readonly denied: () => void;
}

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;

/** The metadata that every call carries. */
export function workloadHeader(): Metadata {
  const metadata = new Metadata();
  metadata.set(WORKLOAD_HEADER, "true");
  return metadata;
}

/** Follows one stream of the Workload API for ever: at once after it ends, with growing waits while that fails. */
export function followStream(
  client: Client,
  method: string,
  scheduler: Scheduler,
  listener: StreamListener,
): Disposable {
  let failures = 0;
  let disposed = false;
  let timer: Disposable | undefined;
  let cancel: () => void = () => undefined;

  const connect = (): void => {
    const stream = client.makeServerStreamRequest(
      method,
      (bytes: Uint8Array) => Buffer.from(bytes),
      (bytes: Buffer) => bytes,
      new Uint8Array(),
      workloadHeader(),
    );
    cancel = () => stream.cancel();
    let ended = false;
    const again = (error: unknown): void => {
      if (ended || disposed) return;
      ended = true;
      broken(error);
    };
    stream.on("data", (bytes: Buffer) => {
      failures = 0;
      try {
        listener.message(new Uint8Array(bytes));
      } catch (error) {
        listener.failed(error);
      }
    });
    stream.on("error", again);
    stream.on("end", () => again(undefined));
  };
  const broken = (error: unknown): void => {
    if (error !== undefined) listener.failed(error);
    const code = (error as Partial<ServiceError> | undefined)?.code;
    // What the server will never answer is not asked again.
    if (code === status.INVALID_ARGUMENT || code === status.UNIMPLEMENTED) return;
    if (code === status.PERMISSION_DENIED) listener.denied();
    const wait = error === undefined && failures === 0 ? 0 : Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * failures || 100);
    failures++;
    timer = scheduler.after(wait, connect);
  };
  connect();
  return {
    [Symbol.dispose]() {
      disposed = true;
      timer?.[Symbol.dispose]();
      cancel();
    },
  };
}

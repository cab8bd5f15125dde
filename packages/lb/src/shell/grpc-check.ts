import type { CheckResult } from "../health-check.js";
import type { HealthChecker } from "./health-checks.js";

/** Options of {@link grpcCheck}. */
export interface GrpcCheckOptions {
  /** Service to ask about. Default: empty, the server as a whole. */
  readonly serviceName?: string;
  /** Value of `:authority`. Default: the host's name, or its address. */
  readonly authority?: string;
  /** Further metadata. Default: none. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** `grpc.health.v1.HealthCheckResponse.ServingStatus.SERVING` */
const SERVING = 1;
const LENGTH_DELIMITED_FIELD_1 = 0x0a;
const VARINT_FIELD_1 = 0x08;
const PREFIX_LENGTH = 5;

/**
 * Checks by the gRPC health service over HTTP/2 without TLS; only `SERVING` passes.
 *
 * @see https://github.com/grpc/grpc/blob/master/doc/health-checking.md
 */
export function grpcCheck(options: GrpcCheckOptions = {}): HealthChecker {
  return async (host, signal) => {
    // Loaded when a check runs: the package loads where there is no node.
    const { connect } = await import("node:http2");
    if (signal.aborted) return "timeout";
    return new Promise<CheckResult>((resolve, reject) => {
      const session = connect(`http://${host.address}`);
      const finish = (result: CheckResult): void => {
        session.destroy();
        resolve(result);
      };
      signal.addEventListener("abort", () => finish("timeout"), { once: true });
      session.on("error", reject);
      const stream = session.request({
        ":method": "POST",
        ":path": "/grpc.health.v1.Health/Check",
        ":authority": options.authority ?? (host.hostname || host.address),
        "content-type": "application/grpc",
        te: "trailers",
        ...options.metadata,
      });
      const chunks: Buffer[] = [];
      let status = "0";
      const read = (headers: Readonly<Record<string, unknown>>): void => {
        if (headers["grpc-status"] !== undefined) status = String(headers["grpc-status"]);
      };
      stream.on("response", (headers) => {
        if (headers[":status"] !== 200) finish("fail");
        read(headers);
      });
      stream.on("trailers", read);
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("error", reject);
      stream.on("end", () => finish(status === "0" && isServing(Buffer.concat(chunks)) ? "ok" : "fail"));
      stream.end(requestFrame(options.serviceName ?? ""));
    });
  };
}

/** A gRPC frame with a `HealthCheckRequest`. */
function requestFrame(service: string): Buffer {
  const name = Buffer.from(service, "utf8");
  const length: number[] = [];
  for (let rest = name.length; rest > 0 || length.length === 0; rest >>>= 7) {
    length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
  }
  const message =
    service === "" ? Buffer.alloc(0) : Buffer.concat([Buffer.from([LENGTH_DELIMITED_FIELD_1, ...length]), name]);
  const prefix = Buffer.alloc(PREFIX_LENGTH);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** Whether the frame holds a `HealthCheckResponse` that says so; field 1 is the only one there is. */
function isServing(frame: Buffer): boolean {
  return frame[PREFIX_LENGTH] === VARINT_FIELD_1 && frame[PREFIX_LENGTH + 1] === SERVING;
}

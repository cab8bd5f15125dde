import type { ChannelCredentials, Metadata, Server, ServerWritableStream, StatusObject } from "@grpc/grpc-js";
import { OrcaLoadReport } from "@weftmesh/xds-types/xds/data/orca/v3";
import { OrcaLoadReportRequest } from "@weftmesh/xds-types/xds/service/orca/v3";
import { loadGrpc } from "./grpc.js";
import { asBuffer, streamMethod } from "./services.js";

/** The trailer that carries the load of one request (L2). */
export const ORCA_TRAILER = "endpoint-load-metrics-bin";

const METHOD = {
  ...streamMethod("xds.service.orca.v3.OpenRcaService", "StreamCoreMetrics"),
  requestStream: false,
} as const;

/** Puts the load of one request into its trailing metadata. */
export function writeLoadTrailer(trailer: Metadata, report: OrcaLoadReport): void {
  trailer.set(ORCA_TRAILER, asBuffer(OrcaLoadReport.encode(report)));
}

/** The load of one request from its trailing metadata; `undefined` if there is none, or it is not a report. */
export function readLoadTrailer(trailer: Metadata): OrcaLoadReport | undefined {
  const [value] = trailer.get(ORCA_TRAILER);
  if (!(value instanceof Uint8Array)) return undefined;
  try {
    return OrcaLoadReport.decode(value);
  } catch {
    // Load is advice: a backend that writes garbage is balanced as one that writes nothing.
    return undefined;
  }
}

/**
 * Adds out-of-band load reports to a gRPC server (L2).
 *
 * @param current - The load now.
 * @param options - `minIntervalMs`: clients that ask more often get this. Default 30,000, as in grpc-go.
 */
export function registerOrca(
  server: Server,
  current: () => OrcaLoadReport,
  { minIntervalMs = 30_000 }: { readonly minIntervalMs?: number } = {},
): void {
  server.addService(
    { [METHOD.path]: METHOD },
    {
      [METHOD.path]: (call: ServerWritableStream<Buffer, Buffer>) => {
        let asked = 0;
        try {
          const { reportInterval: { seconds = 0n, nanos = 0 } = {} } = OrcaLoadReportRequest.decode(call.request);
          asked = Number(seconds) * 1000 + nanos / 1e6;
        } catch (error) {
          call.emit("error", { code: 3, details: error instanceof Error ? error.message : String(error) });
          return;
        }
        let taken = true;
        const send = (): void => {
          // A client that does not read gets the state of later, not a queue.
          if (!taken) return;
          taken = false;
          call.write(asBuffer(OrcaLoadReport.encode(current())), () => {
            taken = true;
          });
        };
        send();
        const timer = setInterval(send, Math.max(minIntervalMs, asked));
        call.on("cancelled", () => clearInterval(timer));
        call.on("error", () => clearInterval(timer));
      },
    },
  );
}

/**
 * Follows the load of a backend. Ends when the stream does, and throws its status if that is an error: a backend that does
 * not report answers UNIMPLEMENTED, and is not asked again.
 *
 * @param uri - A gRPC target.
 */
export async function* watchLoad(
  uri: string,
  options: {
    /** Milliseconds between two reports; the server may take longer. */
    readonly intervalMs: number;
    /** Ends the watch. */
    readonly signal?: AbortSignal;
    /** Default: plain text. */
    readonly credentials?: ChannelCredentials;
  },
): AsyncGenerator<OrcaLoadReport> {
  const { intervalMs, signal, credentials } = options;
  const grpc = await loadGrpc();
  const client = new grpc.Client(uri, credentials ?? grpc.credentials.createInsecure(), {
    "grpc.use_local_subchannel_pool": 1,
  });
  const reportInterval = {
    seconds: BigInt(Math.floor(intervalMs / 1000)),
    nanos: Math.round((intervalMs % 1000) * 1e6),
  };
  const bytes = asBuffer(OrcaLoadReportRequest.encode({ reportInterval }));
  const call = client.makeServerStreamRequest(METHOD.path, METHOD.requestSerialize, METHOD.responseDeserialize, bytes);
  const cancel = (): void => call.cancel();
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    for await (const report of call) yield OrcaLoadReport.decode(report as Buffer);
  } catch (error) {
    if (signal?.aborted !== true) throw error as StatusObject;
  } finally {
    signal?.removeEventListener("abort", cancel);
    call.cancel();
    client.close();
  }
}

import type { ChannelCredentials, Client, ClientDuplexStream, Server, ServerDuplexStream } from "@grpc/grpc-js";
import type { ClusterStats } from "@weftmesh/xds-types/envoy/config/endpoint/v3";
import { LoadStatsRequest, LoadStatsResponse } from "@weftmesh/xds-types/envoy/service/load_stats/v3";
import { type BackoffConfig, delayMs, GRPC_BACKOFF } from "../backoff.js";
import type { LoadStore } from "../load-store.js";
import type { NodeIdentity } from "../node.js";
import { decodeNode, encodeNode } from "../wire/node.js";
import { Reader } from "../wire/reader.js";
import { Writer } from "../wire/writer.js";
import { loadGrpc } from "./grpc.js";
import { asBuffer, streamMethod } from "./services.js";

const SERVICE = "envoy.service.load_stats.v3.LoadReportingService";
const METHOD = streamMethod(SERVICE, "StreamLoadStats");
const SEND_ALL = "envoy.lrs.supports_send_all_clusters";

/** What a server of load reports asks for and does with them. */
export interface LoadStatsOptions {
  /** Which clusters to report. `"all"` needs a client that supports it; others are asked for `[]` then. Default `"all"`. */
  readonly clusters?: readonly string[] | "all";
  /** Milliseconds between two reports. Default 10,000. */
  readonly intervalMs?: number;
  /** Called on every report; must not throw. */
  readonly onReport: (node: NodeIdentity, clusters: readonly ClusterStats[]) => void;
}

/** Adds the load reporting service (LRS, L1) to a gRPC server. */
export function registerLoadStats(server: Server, options: LoadStatsOptions): void {
  const { clusters = "all", intervalMs = 10_000, onReport } = options;
  server.addService(
    { [METHOD.path]: METHOD },
    {
      [METHOD.path]: (call: ServerDuplexStream<Buffer, Buffer>) => {
        let node: NodeIdentity | undefined;
        call.on("error", () => undefined);
        call.on("end", () => call.end());
        call.on("data", (bytes: Buffer) => {
          try {
            const request = LoadStatsRequest.decode(bytes);
            if (node === undefined) {
              node = nodeIn(bytes);
              const all = clusters === "all" && (node.clientFeatures ?? []).includes(SEND_ALL);
              const response: LoadStatsResponse = {
                ...(all ? { sendAllClusters: true } : { clusters: clusters === "all" ? [] : [...clusters] }),
                loadReportingInterval: duration(intervalMs),
              };
              call.write(asBuffer(LoadStatsResponse.encode(response)));
            }
            if ((request.clusterStats ?? []).length > 0) onReport(node, request.clusterStats ?? []);
          } catch (error) {
            call.emit("error", { code: 3, details: error instanceof Error ? error.message : String(error) });
          }
        });
      },
    },
  );
}

/** Where load is reported to. */
export interface LoadReportOptions {
  /** A gRPC target. */
  readonly uri: string;
  /** Who reports. */
  readonly node: Partial<NodeIdentity> & { readonly id: string };
  /** Default: plain text. */
  readonly credentials?: ChannelCredentials;
  /** Waits between failed attempts. Default: gRPC's. */
  readonly backoff?: BackoffConfig;
}

/**
 * Reports what a store counted, as often and for the clusters that the server asks for, until it is disposed. A stream
 * that ends is opened again.
 */
export function reportLoads(store: LoadStore, options: LoadReportOptions): Disposable {
  const { uri, node, credentials, backoff = GRPC_BACKOFF } = options;
  let client: Client | undefined;
  let interval: NodeJS.Timeout | undefined;
  let retry: NodeJS.Timeout | undefined;
  let call: ClientDuplexStream<Buffer, Buffer> | undefined;
  let failures = 0;
  let closed = false;

  function open(channel: Client): ClientDuplexStream<Buffer, Buffer> {
    const stream = channel.makeBidiStreamRequest(METHOD.path, METHOD.requestSerialize, METHOD.responseDeserialize);
    const features = [SEND_ALL, ...(node.clientFeatures ?? [])];
    stream.write(asBuffer(new Writer().bytes(1, encodeNode({ ...node, clientFeatures: features })).finish()));
    stream.on("data", (bytes: Buffer) => {
      if (stream !== call) return;
      failures = 0;
      const { clusters = [], sendAllClusters = false, loadReportingInterval } = LoadStatsResponse.decode(bytes);
      const { seconds = 0n, nanos = 0 } = loadReportingInterval ?? {};
      // One timer, whatever the server repeats: grpc-js-xds leaked one for each response (grpc-node#2892).
      clearInterval(interval);
      interval = setInterval(
        () => {
          const clusterStats = store.report(sendAllClusters ? "all" : clusters, performance.now());
          stream.write(asBuffer(LoadStatsRequest.encode({ clusterStats })));
        },
        Math.max(1, Number(seconds) * 1000 + nanos / 1e6),
      );
    });
    const ended = (): void => {
      if (stream !== call || closed) return;
      call = undefined;
      clearInterval(interval);
      retry = setTimeout(() => (call = open(channel)), delayMs(++failures, backoff, Math.random));
    };
    stream.on("error", ended);
    stream.on("status", ended);
    return stream;
  }

  void loadGrpc().then((grpc) => {
    if (closed) return;
    const channel = credentials ?? grpc.credentials.createInsecure();
    client = new grpc.Client(uri, channel, { "grpc.use_local_subchannel_pool": 1 });
    call = open(client);
  });
  return {
    [Symbol.dispose]() {
      closed = true;
      clearInterval(interval);
      clearTimeout(retry);
      call?.cancel();
      client?.close();
    },
  };
}

function nodeIn(bytes: Buffer): NodeIdentity {
  const reader = new Reader(bytes);
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) return decodeNode(reader.message());
    reader.skip();
  }
  throw new Error("the first request of a stream must carry node");
}

function duration(ms: number) {
  return { seconds: BigInt(Math.floor(ms / 1000)), nanos: Math.round((ms % 1000) * 1e6) };
}

import type { handleBidiStreamingCall, handleUnaryCall, Server, UntypedServiceImplementation } from "@grpc/grpc-js";
import { XdsError } from "../errors.js";
import type { NodeIdentity } from "../node.js";
import { admit, openAdmission } from "../server/admission.js";
import { fetchResources } from "../server/fetch.js";
import type { SessionRules } from "../server/session.js";
import { decodeSotwRequest, type RequestLimits, type SotwRequest } from "../wire/request.js";
import { encodeSotwResponse } from "../wire/response.js";
import type { ServerOptions, XdsServer } from "../xds-server.js";
import { GRPC_STATUS, loadGrpc } from "./grpc.js";
import { ResponseCache } from "./response-cache.js";
import { type ServedStream, type StreamParts, serveStream } from "./server-stream.js";
import { asBuffer, DISCOVERY_SERVICES } from "./services.js";
import { WriteWindow } from "./write-window.js";

/** gRPC's receive limit; a reconnecting client's request lists every version it holds and outgrows the default 4 MiB. */
const MAX_RECEIVE_BYTES = 64 << 20;

/** Below the 4 MiB that clients take by default, with room for what gRPC adds. */
const MAX_RESPONSE_BYTES = 3 << 20;

/** Bytes handed to the transport and not taken by it yet, over all streams. */
const WRITE_WINDOW_BYTES = 4 << 20;

const LIMITS: RequestLimits = { maxNames: 250_000, maxNameLength: 4096 };

const RULES: SessionRules = {
  maxResponseBytes: MAX_RESPONSE_BYTES,
  maxTypes: 64,
  maxNames: LIMITS.maxNames,
  maxOutstanding: 32,
  orderingMs: 5000,
  reportMissing: () => true,
};

type FetchRequest = SotwRequest & { readonly node: NodeIdentity };

function readFetch(bytes: Buffer): FetchRequest | string {
  try {
    const { node, ...request } = decodeSotwRequest(bytes, LIMITS);
    return node === undefined ? "the request must carry node" : { ...request, node };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Makes a server; {@link XdsServer.listen} starts it. */
export function createServer(options: ServerOptions): XdsServer {
  const { cache, onEvent, authorize = () => {}, onDemand } = options;
  const streams = new Map<number, ServedStream>();
  const servers: Server[] = [];
  const window = new WriteWindow(WRITE_WINDOW_BYTES);
  const encoded = new ResponseCache();
  let opened = 0;
  let admission = options.admission && openAdmission(options.admission, performance.now());

  function admissionMs(): number {
    if (options.admission === undefined || admission === undefined) return 0;
    const { state, waitMs } = admit(admission, options.admission, performance.now());
    admission = state;
    return waitMs;
  }

  function handler(variant: "sotw" | "delta", typeUrl: string | undefined): handleBidiStreamingCall<Buffer, Buffer> {
    return (call) => {
      const id = ++opened;
      const parts: StreamParts = {
        cache,
        rules: RULES,
        limits: LIMITS,
        window,
        encoded,
        authorize: (node) =>
          authorize({ node, peer: call.getPeer(), metadata: call.metadata, auth: call.getAuthContext() }),
        onDemand,
        admissionMs,
        emit: onEvent,
      };
      streams.set(
        id,
        serveStream(call, id, variant, typeUrl, parts, () => streams.delete(id)),
      );
    };
  }

  function fetcher(typeUrl: string): handleUnaryCall<Buffer, Buffer> {
    return (call, done) => {
      const asked = readFetch(call.request);
      if (typeof asked === "string") return done({ code: GRPC_STATUS.invalidArgument, details: asked });
      const { node } = asked;
      try {
        authorize({ node, peer: call.getPeer(), metadata: call.metadata, auth: call.getAuthContext() });
      } catch (error) {
        const details = error instanceof Error ? error.message : String(error);
        return done({ code: GRPC_STATUS.permissionDenied, details });
      }
      // Without a stream there is nobody to wait: what is not published yet is asked for again.
      const fetched = fetchResources(cache, node, { ...asked, typeUrl, versionInfo: "" });
      if (fetched === undefined || fetched === "unchanged") {
        return done({ code: GRPC_STATUS.unavailable, details: "nothing is published for this node" });
      }
      const bytes = encodeSotwResponse(fetched, false);
      done(null, asBuffer(bytes));
    };
  }

  function register(server: Server): void {
    for (const { definition, sotwMethod, deltaMethod, fetchMethod, typeUrl } of DISCOVERY_SERVICES) {
      const handlers: UntypedServiceImplementation = { [deltaMethod]: handler("delta", typeUrl) };
      if (sotwMethod !== undefined) handlers[sotwMethod] = handler("sotw", typeUrl);
      if (fetchMethod !== undefined && typeUrl !== undefined) handlers[fetchMethod] = fetcher(typeUrl);
      server.addService(definition, handlers);
    }
  }

  async function close(): Promise<void> {
    for (const stream of [...streams.values()]) stream.close(GRPC_STATUS.unavailable, "the server is shutting down");
    for (const server of servers.splice(0)) {
      await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
    }
  }

  return {
    register,
    close,
    async listen(address, credentials) {
      const { Server, ServerCredentials } = await loadGrpc();
      const server = new Server({
        "grpc.max_receive_message_length": MAX_RECEIVE_BYTES,
        "grpc.max_send_message_length": -1,
        "grpc.max_concurrent_streams": 1_000_000,
        "grpc.keepalive_time_ms": 30_000,
        "grpc.keepalive_timeout_ms": 10_000,
        "grpc.keepalive_permit_without_calls": 1,
      });
      register(server);
      options.register?.(server);
      const port = await new Promise<number>((resolve, reject) => {
        const failed = (cause: Error): void => {
          reject(new XdsError("ERR_XDS_LISTEN_FAILED", address, cause.message, { cause }));
        };
        try {
          server.bindAsync(address, credentials ?? ServerCredentials.createInsecure(), (cause, bound) => {
            if (cause === null) resolve(bound);
            else failed(cause);
          });
        } catch (cause) {
          // An address that is none is thrown at once.
          failed(cause as Error);
        }
      });
      servers.push(server);
      return port;
    },
    clients() {
      return [...streams.values()].flatMap((stream) => stream.status() ?? []);
    },
    dump() {
      return [...streams.values()].flatMap((stream) => stream.dump() ?? []);
    },
    [Symbol.asyncDispose]: close,
  };
}

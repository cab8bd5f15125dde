import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import type { CheckResult } from "../health-check.js";
import { checkPlaceOf } from "./check-place.js";
import { healthCheckRequest, healthCheckResponse } from "./grpc-health.js";
import type { HealthChecker } from "./health-checks.js";

/** Options of {@link grpcCheck}. */
export interface GrpcCheckOptions {
  /** Service to ask about. Default: empty, the server as a whole. */
  readonly serviceName?: string;
  /** Value of `:authority`, for hosts that name none for checks. Default: the host's name, or its address. */
  readonly authority?: string;
  /** Further metadata. Default: none. */
  readonly metadata?: Readonly<Record<string, string | readonly string[]>>;
  /** Port to ask, for hosts that name none for checks. Default: the host's own. */
  readonly port?: number;
}

/** An answer is a few bytes; more is none. */
const MAX_ANSWER = 4096;

/**
 * Checks by the gRPC health service over HTTP/2 without TLS; only status 0 with `SERVING` passes.
 *
 * @see https://github.com/grpc/grpc/blob/master/doc/health-checking.md
 */
export function grpcCheck(options: GrpcCheckOptions = {}): HealthChecker {
  return async (host, signal) => {
    // Loaded when a check runs: the package loads where there is no node.
    const [{ connect }, net] = await Promise.all([import("node:http2"), import("node:net")]);
    if (signal.aborted) return "timeout";
    const { host: name = "", port = 0, socketPath } = checkPlaceOf(host, options.port);
    const authority = host.healthCheck?.hostname ?? options.authority ?? (host.hostname || host.address);
    const socket = socketPath === undefined ? net.connect({ host: name, port }) : net.connect(socketPath);
    const session = connect("http://health.invalid", { createConnection: () => socket });
    return new Promise<CheckResult>((resolve) => {
      const finish = (result: CheckResult): void => {
        session.destroy();
        // A session that the server said goodbye to waits for the server to close the connection.
        socket.destroy();
        resolve(result);
      };
      signal.addEventListener("abort", () => finish("timeout"), { once: true });
      session.on("error", () => finish("network"));
      session.on("close", () => finish("network"));
      try {
        listen(ask(session, authority, options), finish);
      } catch {
        // Metadata that no header can hold.
        finish("fail");
      }
    });
  };
}

function ask(session: ClientHttp2Session, authority: string, options: GrpcCheckOptions): ClientHttp2Stream {
  const stream = session.request({
    ...options.metadata,
    ":method": "POST",
    ":path": "/grpc.health.v1.Health/Check",
    ":authority": authority,
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.end(healthCheckRequest(options.serviceName ?? ""));
  return stream;
}

/** Follows the answer: what is no gRPC is a refusal, a stream that breaks is the network's. */
function listen(stream: ClientHttp2Stream, finish: (result: CheckResult) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  let status: string | undefined;
  const read = (headers: Readonly<Record<string, unknown>>): void => {
    if (headers["grpc-status"] !== undefined) status = String(headers["grpc-status"]);
  };
  stream.on("response", (headers) => {
    const isGrpc = /^application\/grpc(?:$|[+;])/.test(String(headers["content-type"] ?? ""));
    if (headers[":status"] !== 200 || !isGrpc) finish("fail");
    read(headers);
  });
  stream.on("trailers", read);
  stream.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > MAX_ANSWER) finish("fail");
    else chunks.push(chunk);
  });
  // Without a status the call is not over: Envoy takes that for a violation of the protocol.
  stream.on("end", () => {
    if (stream.rstCode === 0 || status !== undefined) {
      finish(status === "0" && healthCheckResponse(Buffer.concat(chunks)) === "SERVING" ? "ok" : "fail");
    }
  });
  stream.on("error", () => finish("network"));
  stream.on("close", () => finish("network"));
}

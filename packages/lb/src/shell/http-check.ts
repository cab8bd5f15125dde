import type { CheckResult } from "../health-check.js";
import type { Host } from "../host.js";
import { isInRanges, matchesInOrder, type StatusRange } from "../status-range.js";
import type { HealthChecker } from "./health-checks.js";

/** Options of {@link httpCheck}. */
export interface HttpCheckOptions {
  /** What to ask for, such as `/healthz`. */
  readonly path: string;
  /** Default: `"GET"`. */
  readonly method?: string;
  /** Value of the host header. Default: the host's name, or its address. */
  readonly host?: string;
  /** Further headers. Default: none. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Statuses that pass. Default: 200 alone. */
  readonly expectedStatuses?: readonly StatusRange[];
  /** Statuses that count like a network failure; those that are also expected pass. Default: none. */
  readonly retriableStatuses?: readonly StatusRange[];
  /** Parts that the body must contain, in order. Default: none. */
  readonly receive?: readonly Uint8Array[];
  /** How much of the body is looked at, in bytes; 0 for all. Default: 1024. */
  readonly responseBufferSize?: number;
  /** A prefix that `x-envoy-upstream-healthchecked-cluster` must have. Default: not looked at. */
  readonly serviceNamePrefix?: string;
  /** Port to ask instead of the host's own. */
  readonly port?: number;
}

const OK: readonly StatusRange[] = [{ start: 200, end: 201 }];

/**
 * Checks by HTTP/1.1 over plain text.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/core/v3/health_check.proto
 */
export function httpCheck(options: HttpCheckOptions): HealthChecker {
  return async (host, signal) => {
    // Loaded when a check runs: the package loads where there is no node.
    const { request } = await import("node:http");
    if (signal.aborted) return "timeout";
    return new Promise<CheckResult>((resolve, reject) => {
      const { hostname, port } = splitAddress(host);
      const limit = options.responseBufferSize ?? 1024;
      const outgoing = request(
        {
          hostname,
          port: options.port ?? port,
          path: options.path,
          method: options.method ?? "GET",
          headers: { host: options.host ?? (host.hostname || host.address), ...options.headers },
          agent: false,
          signal,
        },
        (response) => {
          const chunks: Buffer[] = [];
          let size = 0;
          response.on("data", (chunk: Buffer) => {
            if (limit === 0 || size < limit) chunks.push(chunk);
            size += chunk.length;
          });
          response.on("error", reject);
          response.on("end", () => {
            const body = Buffer.concat(chunks);
            resolve(
              judge(options, response.statusCode ?? 0, response.headers, limit > 0 ? body.subarray(0, limit) : body),
            );
          });
        },
      );
      outgoing.on("error", reject);
      outgoing.end();
    });
  };
}

function judge(
  options: HttpCheckOptions,
  status: number,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  body: Uint8Array,
): CheckResult {
  if (headers["x-envoy-immediate-health-check-fail"] !== undefined) return "fail";
  if (!isInRanges(status, options.expectedStatuses ?? OK)) {
    return isInRanges(status, options.retriableStatuses ?? []) ? "retriable" : "fail";
  }
  if (!matchesInOrder(body, options.receive ?? [])) return "fail";
  const service = String(headers["x-envoy-upstream-healthchecked-cluster"] ?? "");
  if (options.serviceNamePrefix !== undefined && !service.startsWith(options.serviceNamePrefix)) return "fail";
  return headers["x-envoy-degraded"] === undefined ? "ok" : "degraded";
}

/** Host and port of an address; IPv6 without its brackets. */
export function splitAddress(host: Host): { readonly hostname: string; readonly port: number } {
  const at = host.address.lastIndexOf(":");
  return {
    hostname: host.address.slice(0, at).replace(/^\[(.*)\]$/, "$1"),
    port: Number(host.address.slice(at + 1)),
  };
}

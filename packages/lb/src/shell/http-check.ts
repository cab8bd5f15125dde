import { LbError } from "../errors.js";
import type { CheckResult } from "../health-check.js";
import { httpCheckIssues } from "../http-check-rules.js";
import { OrderedParts } from "../ordered-parts.js";
import { isInRanges, type StatusRange } from "../status-range.js";
import { checkPlaceOf } from "./check-place.js";
import type { HealthChecker } from "./health-checks.js";

/** Options of {@link httpCheck}. */
export interface HttpCheckOptions {
  /** What to ask for, such as `/healthz`. */
  readonly path: string;
  /** Anything but `CONNECT`. Default: `"GET"`. */
  readonly method?: string;
  /** Value of the host header, for hosts that name none for checks. Default: the host's name, or its address. */
  readonly host?: string;
  /** Further headers. Default: none. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Body of the request, for methods that have one: `POST`, `PUT`, `PATCH`, `OPTIONS`. Default: none. */
  readonly send?: Uint8Array;
  /** Statuses that pass. Default: 200 alone. */
  readonly expectedStatuses?: readonly StatusRange[];
  /** Statuses that count like a network failure; those that are also expected pass. Default: none. */
  readonly retriableStatuses?: readonly StatusRange[];
  /** Parts that the body must contain, each after the one before it. Default: none. */
  readonly receive?: readonly Uint8Array[];
  /** How much of the body is looked at, in bytes; 0 for all. Default: 1024. */
  readonly responseBufferSize?: number;
  /** Whether `x-envoy-upstream-healthchecked-cluster`, empty if absent, is the right one. Default: not looked at. */
  readonly serviceName?: (name: string) => boolean;
  /** Port to ask, for hosts that name none for checks. Default: the host's own. */
  readonly port?: number;
}

const OK: readonly StatusRange[] = [{ start: 200, end: 201 }];
const BUFFER_SIZE = 1024;

/**
 * Checks by HTTP/1.1 over plain text. A response counts when it is complete, as in Envoy: one that never ends is a
 * timeout. No more of its body is kept than `receive` is long.
 *
 * @throws {@link LbError} `ERR_LB_CONFIG_INVALID` for options that Envoy refuses.
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/core/v3/health_check.proto
 */
export function httpCheck(options: HttpCheckOptions): HealthChecker {
  const [first, ...others] = httpCheckIssues(options, "http_health_check");
  if (first !== undefined) throw new LbError([first, ...others]);
  return async (host, signal) => {
    // Loaded when a check runs: the package loads where there is no node.
    const { request } = await import("node:http");
    if (signal.aborted) return "timeout";
    return new Promise<CheckResult>((resolve) => {
      const { send, receive = [], responseBufferSize = BUFFER_SIZE } = options;
      const outgoing = request({
        ...checkPlaceOf(host, options.port),
        path: options.path,
        method: options.method ?? "GET",
        headers: {
          host: host.healthCheck?.hostname ?? options.host ?? (host.hostname || host.address),
          ...(send && { "content-length": send.length }),
          ...options.headers,
        },
        agent: false,
        signal,
      });
      outgoing.on("response", (response) => {
        const parts = new OrderedParts(receive);
        let left = responseBufferSize > 0 ? responseBufferSize : Number.POSITIVE_INFINITY;
        response.on("data", (chunk: Buffer) => {
          if (left > 0) parts.feed(chunk.subarray(0, left));
          left -= chunk.length;
        });
        response.on("end", () => resolve(judge(options, response.statusCode ?? 0, response.headers, parts)));
        response.on("error", () => resolve("network"));
      });
      // Switching protocols is a status like any other, and the connection is of no use.
      outgoing.on("upgrade", (response, socket) => {
        socket.destroy();
        resolve(judge(options, response.statusCode ?? 0, response.headers, new OrderedParts(receive)));
      });
      outgoing.on("error", () => resolve(signal.aborted ? "timeout" : "network"));
      // Whatever else ends it; the first answer is the one that counts.
      outgoing.on("close", () => resolve("network"));
      outgoing.end(send);
    });
  };
}

/** In Envoy's order: the body, the status, the name. Asking to be left alone only counts with a failure. */
function judge(
  options: HttpCheckOptions,
  status: number,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  body: OrderedParts,
): CheckResult {
  const refused = headers["x-envoy-immediate-health-check-fail"] === undefined ? "fail" : "excluded";
  if (!body.complete) return refused;
  if (!isInRanges(status, options.expectedStatuses?.length ? options.expectedStatuses : OK)) {
    return isInRanges(status, options.retriableStatuses ?? []) ? "retriable" : refused;
  }
  const name = headers["x-envoy-upstream-healthchecked-cluster"] ?? "";
  if (options.serviceName !== undefined && !options.serviceName(String(name))) return "fail";
  return headers["x-envoy-degraded"] === undefined ? "ok" : "degraded";
}

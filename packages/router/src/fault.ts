import type { HTTPFault } from "@weftmesh/xds-types/envoy/extensions/filters/http/fault/v3";
import { durationMs } from "./duration.js";
import { RequestFacts } from "./facts.js";
import { fractionOf, runtimeInteger } from "./match/fraction.js";
import { compileHeader } from "./match/header.js";
import type { Random } from "./random.js";
import type { RouteRequest } from "./request.js";
import { Scope } from "./scope.js";
import { checkShape } from "./shape/check-shape.js";
import { type SurroundingsOptions, surroundingsOf } from "./surroundings.js";
import { unsigned } from "./timeouts.js";

/** What to do to a request on purpose. */
export interface FaultVerdict {
  /** Wait this long before anything else; 0 for no delay. */
  readonly delayMs: number;
  /** Then answer with this instead of forwarding. */
  readonly abort?:
    | {
        /** HTTP status to answer with. */
        readonly httpStatus?: number;
        /** gRPC status to answer with. */
        readonly grpcStatus?: number;
      }
    | undefined;
}

/** A compiled fault filter. */
export interface Fault {
  /**
   * Judges a request.
   *
   * @param upstreamCluster - The chosen cluster: the filter may be limited to one.
   * @param random - Drawn once for the delay and once for the abort.
   */
  decide(request: RouteRequest, upstreamCluster: string, random: Random): FaultVerdict;
}

const none: FaultVerdict = { delayMs: 0 };

/**
 * Compiles the fault filter's configuration: its own or a route's.
 *
 * @throws {@link RouterError} with every problem found.
 * @see https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/http/http_filters/fault_filter
 */
export function compileFault(
  unchecked: HTTPFault,
  options: SurroundingsOptions & { readonly path?: string } = {},
): Fault {
  const scope = Scope.root(options.path);
  const config = checkShape(unchecked, "envoy.extensions.filters.http.fault.v3.HTTPFault", scope);
  const surroundings = surroundingsOf(options);
  const tests = (config.headers ?? []).map((one, i) => compileHeader(one, scope.item("headers", i), surroundings));
  const nodes = new Set(config.downstreamNodes);
  const { delay, abort } = config;
  if (delay !== undefined && delay.fixedDelay === undefined && delay.headerDelay === undefined) {
    scope.field("delay").report("ERR_ROUTER_FIELD_INVALID", "expected fixed_delay or header_delay, got neither");
  }
  if (
    abort !== undefined &&
    abort.httpStatus === undefined &&
    abort.grpcStatus === undefined &&
    abort.headerAbort === undefined
  ) {
    scope
      .field("abort")
      .report("ERR_ROUTER_FIELD_INVALID", "expected http_status, grpc_status or header_abort, got none");
  }
  scope.throwIfRefused();
  const hits = (
    key: string,
    fallback: number,
    facts: RequestFacts,
    header: string | undefined,
    random: Random,
  ): boolean => {
    const configured = (runtimeInteger(surroundings.runtime, key) ?? fallback * 100) / 100;
    // A header may lower the configured share, never raise it.
    const asked = header === undefined ? undefined : unsigned(facts.header(header));
    return random() < Math.min(configured, asked === undefined ? 1 : asked / 100);
  };
  const delayOf = (facts: RequestFacts, random: Random): number => {
    if (delay === undefined) return 0;
    const byHeader = delay.headerDelay !== undefined;
    const share = hits(
      config.delayPercentRuntime || "fault.http.delay.fixed_delay_percent",
      fractionOf(delay.percentage),
      facts,
      byHeader ? "x-envoy-fault-delay-request-percentage" : undefined,
      random,
    );
    if (!share) return 0;
    if (byHeader) return unsigned(facts.header("x-envoy-fault-delay-request")) ?? 0;
    return (
      runtimeInteger(surroundings.runtime, config.delayDurationRuntime || "fault.http.delay.fixed_duration_ms") ??
      durationMs(delay.fixedDelay) ??
      0
    );
  };
  const abortOf = (facts: RequestFacts, random: Random): FaultVerdict["abort"] => {
    if (abort === undefined) return undefined;
    const byHeader = abort.headerAbort !== undefined;
    const share = hits(
      config.abortPercentRuntime || "fault.http.abort.abort_percent",
      fractionOf(abort.percentage),
      facts,
      byHeader ? "x-envoy-fault-abort-request-percentage" : undefined,
      random,
    );
    if (!share) return undefined;
    const byRuntime = (key: string): number | undefined => runtimeInteger(surroundings.runtime, key);
    if (!byHeader && abort.grpcStatus !== undefined) {
      const key = config.abortGrpcStatusRuntime || "fault.http.abort.grpc_status";
      return { grpcStatus: byRuntime(key) ?? abort.grpcStatus };
    }
    if (!byHeader) {
      const key = config.abortHttpStatusRuntime || "fault.http.abort.http_status";
      return { httpStatus: byRuntime(key) ?? abort.httpStatus ?? 0 };
    }
    const httpStatus = unsigned(facts.header("x-envoy-fault-abort-request"));
    if (httpStatus !== undefined && httpStatus >= 200 && httpStatus < 600) return { httpStatus };
    const grpcStatus = unsigned(facts.header("x-envoy-fault-abort-grpc-request"));
    return grpcStatus === undefined ? undefined : { grpcStatus };
  };
  return {
    decide(request, upstreamCluster, random) {
      if (
        config.upstreamCluster !== undefined &&
        config.upstreamCluster !== "" &&
        config.upstreamCluster !== upstreamCluster
      )
        return none;
      const facts = new RequestFacts(request, { random, now: 0 }, false);
      if (!tests.every((test) => test(facts))) return none;
      if (nodes.size > 0 && !nodes.has(facts.header("x-envoy-downstream-service-node") ?? "")) return none;
      const delayMs = delayOf(facts, random);
      const found = abortOf(facts, random);
      return found === undefined ? { delayMs } : { delayMs, abort: found };
    },
  };
}

import { below } from "../clock.js";
import { createEwma } from "../ewma.js";
import type { HostState } from "../host-state.js";
import type { LocalityMode } from "../locality-options.js";
import type { Outcome } from "../pick.js";
import type { BalancerEnv, Policy } from "../policy.js";
import { PolicyCheck } from "../policy-check.js";
import { sourceBalancer } from "../source-balancer.js";

/** Options of {@link peakEwma}; times are milliseconds. */
export interface PeakEwmaOptions {
  /** Estimate for a host nothing is known of. Default: 30, as in Linkerd. */
  readonly defaultRttMs?: number;
  /** Time in which the past loses its weight. Default: 10000, as in Linkerd. */
  readonly decayMs?: number;
  /** What a failed request counts as at least, so that failing fast does not look fast. Default: 5000. */
  readonly failurePenaltyMs?: number;
  /** Longest penalty that a `retry-after` may ask for. Default: 300000. */
  readonly maxPenaltyMs?: number;
  /** How localities take part. Default: they do not. */
  readonly locality?: LocalityMode;
}

/**
 * The better of two random hosts by expected latency: a peak-sensitive moving average of response times, times the
 * requests in flight, divided by the host's weight. Failures count as slow.
 *
 * @throws {@link LbError} `ERR_LB_CONFIG_INVALID` with every option that is out of range.
 * @see https://linkerd.io/2016/03/16/beyond-round-robin-load-balancing-for-latency/
 */
export function peakEwma(options: PeakEwmaOptions = {}): Policy {
  const { defaultRttMs = 30, decayMs = 10_000, failurePenaltyMs = 5000, maxPenaltyMs = 300_000, locality } = options;
  new PolicyCheck()
    .number("default_rtt", defaultRttMs, 0, Number.MAX_VALUE)
    .number("decay_time", decayMs, Number.MIN_VALUE, Number.MAX_VALUE)
    .number("failure_penalty", failurePenaltyMs, 0, Number.MAX_VALUE)
    .number("max_penalty", maxPenaltyMs, 0, Number.MAX_VALUE)
    .locality(locality)
    .done();

  const ensure = (host: HostState, now: number): NonNullable<HostState["ewma"]> => {
    host.ewma ??= createEwma(decayMs, defaultRttMs, now);
    return host.ewma;
  };

  return {
    name: "peak_ewma",
    options,
    balancer(hosts, env) {
      const inner = sourceBalancer(hosts, env, {
        name: "peak_ewma",
        ...(locality && { locality }),
        createPicker: () => {
          let list: readonly HostState[] = [];
          return {
            use(next) {
              list = next;
            },
            pick: () => betterOfTwo(list, env, ensure),
          };
        },
      });
      return {
        choose: (context, trace) => inner.choose(context, trace),
        refresh: (change) => inner.refresh(change),
        observe(host: HostState, outcome, latencyMs, now) {
          if (outcome.result === "aborted" || outcome.result === "connected") return;
          const ewma = ensure(host, now);
          const penalty = penaltyOf(outcome, failurePenaltyMs, maxPenaltyMs);
          ewma.add(penalty === 0 ? latencyMs : Math.max(penalty, latencyMs, ewma.valueAt(now)), now);
        },
      };
    },
  };
}

function betterOfTwo(
  list: readonly HostState[],
  env: BalancerEnv,
  ensure: (host: HostState, now: number) => NonNullable<HostState["ewma"]>,
): HostState | undefined {
  const { length } = list;
  if (length < 2) return list[0];
  const first = below(env.random, length);
  const other = below(env.random, length - 1);
  const a = list[first] as HostState;
  const b = list[other < first ? other : other + 1] as HostState;
  const now = env.clock.now();
  const costA = (ensure(a, now).valueAt(now) * (a.activeRequests + 1)) / a.weight;
  const costB = (ensure(b, now).valueAt(now) * (b.activeRequests + 1)) / b.weight;
  return costA <= costB ? a : b;
}

/** What a failure counts as, 0 for a success. */
function penaltyOf(outcome: Outcome, failurePenaltyMs: number, maxPenaltyMs: number): number {
  const asked = Math.min(outcome.retryAfterMs ?? 0, maxPenaltyMs);
  const failed = outcome.status === undefined ? outcome.result !== "response" : outcome.status >= 500;
  const accepted = outcome.result === "connected-final";
  if (accepted || !(failed || outcome.status === 429)) return 0;
  return Math.max(failurePenaltyMs, asked);
}

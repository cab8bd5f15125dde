import { below } from "../clock.js";
import { peakAverage, remaining } from "../ewma.js";
import type { HostState } from "../host-state.js";
import { LoadList } from "../load-list.js";
import type { LocalityMode } from "../locality-options.js";
import type { Outcome } from "../pick.js";
import type { Picker } from "../picker.js";
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
  const check = new PolicyCheck(options);
  const { defaultRttMs = 30, decayMs = 10_000, failurePenaltyMs = 5000, maxPenaltyMs = 300_000, locality } = options;
  check
    .number("default_rtt", defaultRttMs, 0, Number.MAX_VALUE)
    .number("decay_time", decayMs, Number.MIN_VALUE, Number.MAX_VALUE)
    .number("failure_penalty", failurePenaltyMs, 0, Number.MAX_VALUE)
    .number("max_penalty", maxPenaltyMs, 0, Number.MAX_VALUE)
    .locality(locality)
    .done();

  return {
    name: "peak_ewma",
    options,
    balancer(hosts, env) {
      const inner = sourceBalancer(hosts, env, {
        name: "peak_ewma",
        draws: true,
        ...(locality && { locality }),
        createPicker: () => createLatencyPicker(env, defaultRttMs, decayMs),
      });
      return {
        choose: (context, trace) => inner.choose(context, trace),
        refresh: (change) => inner.refresh(change),
        observe(host: HostState, outcome, latencyMs, now) {
          if (outcome.result === "aborted" || outcome.result === "connected") return;
          const { latency } = host.columns;
          const known = !Number.isNaN(latency[2 * host.slot]);
          const estimate = known ? (latency[2 * host.slot] as number) : defaultRttMs;
          const updatedAt = known ? (latency[2 * host.slot + 1] as number) : now;
          if (!(now >= updatedAt)) return;
          const share = remaining(updatedAt, now, decayMs);
          const penalty = penaltyOf(outcome, failurePenaltyMs, maxPenaltyMs);
          // What is no time says nothing: a negative one would win every comparison, an infinite one lose them all.
          const isTime = latencyMs >= 0 && latencyMs < Number.POSITIVE_INFINITY;
          if (!isTime && penalty === 0) return;
          const measured = isTime ? latencyMs : 0;
          const counted = penalty === 0 ? measured : Math.max(penalty, measured, estimate * share);
          host.setLatency(peakAverage(estimate, counted, share), now);
        },
      };
    },
  };
}

/** The better of two different hosts. */
function createLatencyPicker(env: BalancerEnv, defaultRttMs: number, decayMs: number): Picker {
  const { clock, random } = env;
  const list = new LoadList();
  let stale = true;

  /** Costs of the two, first and second: as results they would need boxes. */
  const costs = new Float64Array(2);

  const writeCost = (index: number, now: number, into: 0 | 1): void => {
    const slot = list.slots[index] as number;
    const { active, latency } = list.columns;
    let estimate = latency[2 * slot] as number;
    if (!Number.isNaN(estimate)) {
      estimate *= remaining(latency[2 * slot + 1] as number, now, decayMs);
    } else {
      // Nothing is known of the host: what is assumed of it decays from now on, so that it gets its chance.
      estimate = defaultRttMs;
      latency[2 * slot] = estimate;
      latency[2 * slot + 1] = now;
    }
    const cost = estimate * ((active[slot] as number) + 1);
    costs[into] = list.hasEqualWeights ? cost : cost / (list.weights[index] as number);
  };

  return {
    use(hosts, changed) {
      list.use(hosts, changed);
      stale = true;
    },
    pick() {
      if (stale) {
        list.settle();
        stale = false;
      }
      const { hosts, length } = list;
      if (length < 2) return hosts[0];
      const first = below(random, length);
      const other = below(random, length - 1);
      const second = other < first ? other : other + 1;
      const now = clock.now();
      writeCost(first, now, 0);
      writeCost(second, now, 1);
      return hosts[(costs[0] as number) <= (costs[1] as number) ? first : second];
    },
  };
}

/** What a failure counts as, 0 for a success. */
function penaltyOf(outcome: Outcome, failurePenaltyMs: number, maxPenaltyMs: number): number {
  // A header that is no number makes NaN, and the failure counts all the same.
  const asked = Math.min(outcome.retryAfterMs || 0, maxPenaltyMs);
  const failed = outcome.status === undefined ? outcome.result !== "response" : outcome.status >= 500;
  const accepted = outcome.result === "connected-final";
  if (accepted || !(failed || outcome.status === 429)) return 0;
  return Math.max(failurePenaltyMs, asked);
}

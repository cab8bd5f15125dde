import type { LocalityMode } from "../locality-options.js";
import type { Policy } from "../policy.js";
import { PolicyCheck } from "../policy-check.js";
import { createRotation } from "../rotation.js";
import type { SlowStartOptions } from "../slow-start.js";
import { sourceBalancer } from "../source-balancer.js";
import { createWeightedPicker } from "../weighted-picker.js";

/** Options of {@link roundRobin}. */
export interface RoundRobinOptions {
  /** Ramp for new hosts. Default: none. */
  readonly slowStart?: SlowStartOptions;
  /** How localities take part. Default: they do not. */
  readonly locality?: LocalityMode;
}

/**
 * One host after the other, in proportion to their weights. Where it starts is random.
 *
 * @throws {@link LbError} `ERR_LB_CONFIG_INVALID` with every option that is out of range.
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/load_balancers#weighted-round-robin
 */
export function roundRobin(options: RoundRobinOptions = {}): Policy {
  const check = new PolicyCheck(options);
  const { slowStart } = options;
  check.slowStart(slowStart).locality(options.locality).done();
  return {
    name: "round_robin",
    options,
    balancer(hosts, env) {
      return sourceBalancer(hosts, env, {
        name: "round_robin",
        ...(options.locality && { locality: options.locality }),
        createPicker: (seed) => {
          const rotation = createRotation(seed);
          return createWeightedPicker({
            prePicks: seed,
            clock: env.clock,
            ...(slowStart && { slowStart }),
            unweighted: { pick: (list) => rotation.pick(list.length), rotation },
          });
        },
      });
    },
  };
}

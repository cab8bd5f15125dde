import { below } from "../clock.js";
import type { HostState } from "../host-state.js";
import type { LocalityMode } from "../locality-options.js";
import type { Policy } from "../policy.js";
import { PolicyCheck } from "../policy-check.js";
import { sourceBalancer } from "../source-balancer.js";

/** Options of {@link random}. */
export interface RandomOptions {
  /** How localities take part. Default: they do not. */
  readonly locality?: LocalityMode;
}

/**
 * A host at random; weights do not matter. The priority and the host are drawn apart: Envoy takes both from one draw,
 * which keeps some hosts from ever being chosen.
 *
 * @throws {@link LbError} `ERR_LB_CONFIG_INVALID` with every option that is out of range.
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/load_balancers#random
 */
export function random(options: RandomOptions = {}): Policy {
  new PolicyCheck(options).locality(options.locality).done();
  return {
    name: "random",
    options,
    balancer(hosts, env) {
      return sourceBalancer(hosts, env, {
        name: "random",
        draws: true,
        ...(options.locality && { locality: options.locality }),
        createPicker: () => {
          let list: readonly HostState[] = [];
          return {
            use(hosts) {
              list = hosts;
            },
            pick: () => list[below(env.random, list.length)],
          };
        },
      });
    },
  };
}

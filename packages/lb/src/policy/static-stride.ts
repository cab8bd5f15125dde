import type { HostState } from "../host-state.js";
import type { LocalityMode } from "../locality-options.js";
import type { Policy } from "../policy.js";
import { PolicyCheck } from "../policy-check.js";
import { sourceBalancer } from "../source-balancer.js";
import { createStride, type StrideScheduler } from "../stride.js";

/** Options of {@link staticStride}. */
export interface StaticStrideOptions {
  /** How localities take part. Default: they do not. */
  readonly locality?: LocalityMode;
}

/**
 * Weighted round robin in the manner of gRPC: quick as long as no host is many times as heavy as the mean, and weights
 * count on a 16-bit scale. {@link roundRobin} has neither limit.
 *
 * @throws {@link LbError} `ERR_LB_CONFIG_INVALID` with every option that is out of range.
 * @see https://github.com/grpc/grpc-go/blob/master/balancer/weightedroundrobin/scheduler.go
 */
export function staticStride(options: StaticStrideOptions = {}): Policy {
  new PolicyCheck(options).locality(options.locality).done();
  return {
    name: "static_stride",
    options,
    balancer(hosts, env) {
      return sourceBalancer(hosts, env, {
        name: "static_stride",
        ...(options.locality && { locality: options.locality }),
        createPicker: (seed) => {
          let list: readonly HostState[] = [];
          let stride: StrideScheduler | undefined;
          return {
            use(next) {
              list = next;
              stride = undefined;
            },
            pick() {
              if (list.length === 0) return undefined;
              stride ??= createStride(
                list.map((host) => host.weight),
                seed,
              );
              return list[stride.pick()];
            },
          };
        },
      });
    },
  };
}

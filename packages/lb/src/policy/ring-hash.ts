import { createHashRing, type RingOptions } from "../hash-ring.js";
import type { Policy } from "../policy.js";
import { PolicyCheck } from "../policy-check.js";
import { type ConsistentHashOptions, tableBalancer } from "../table-balancer.js";

/** Options of {@link ringHash}. */
export interface RingHashOptions extends ConsistentHashOptions, RingOptions {}

/**
 * Requests with the same hash go to the same host; when hosts come or go, few requests move.
 *
 * @throws {@link LbError} `ERR_LB_CONFIG_INVALID` with every option that is out of range.
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/load_balancers#ring-hash
 */
export function ringHash(options: RingHashOptions = {}): Policy {
  new PolicyCheck(options).ring(options).consistentHashing(options).done();
  return {
    name: "ring_hash",
    options,
    balancer: (hosts, env) =>
      tableBalancer(hosts, env, {
        ...options,
        name: "ring_hash",
        createTable(entries) {
          const ring = createHashRing(entries, options);
          env.gauge("ring_hash_lb.size", ring.size);
          env.gauge("ring_hash_lb.min_hashes_per_host", ring.minHashesPerHost);
          env.gauge("ring_hash_lb.max_hashes_per_host", ring.maxHashesPerHost);
          return ring;
        },
      }),
  };
}

import { createMaglevTable } from "../maglev-table.js";
import type { Policy } from "../policy.js";
import { PolicyCheck } from "../policy-check.js";
import { type ConsistentHashOptions, tableBalancer } from "../table-balancer.js";

/** Options of {@link maglev}. */
export interface MaglevOptions extends ConsistentHashOptions {
  /** A prime up to 5000011, better a hundred times the number of hosts. Default: 65537. */
  readonly tableSize?: number;
}

/**
 * Requests with the same hash go to the same host; quicker to build and to look up than a ring, while somewhat more
 * requests move when hosts come or go.
 *
 * @throws {@link LbError} `ERR_LB_CONFIG_INVALID` with every option that is out of range.
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/load_balancers#maglev
 */
export function maglev(options: MaglevOptions = {}): Policy {
  new PolicyCheck(options).tableSize(options.tableSize).consistentHashing(options).done();
  return {
    name: "maglev",
    options,
    balancer: (hosts, env) =>
      tableBalancer(hosts, env, {
        ...options,
        name: "maglev",
        createTable(entries) {
          const table = createMaglevTable(entries, options.tableSize);
          env.gauge("maglev_lb.min_entries_per_host", table.minEntriesPerHost);
          env.gauge("maglev_lb.max_entries_per_host", table.maxEntriesPerHost);
          return table;
        },
      }),
  };
}

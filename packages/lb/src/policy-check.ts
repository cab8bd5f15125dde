import { type Issue, throwIssues } from "./errors.js";
import { MAX_RING_SIZE, type RingOptions } from "./hash-ring.js";
import type { LocalityMode } from "./locality-options.js";
import { isPrime, MAX_TABLE_SIZE } from "./maglev-table.js";
import type { SlowStartOptions } from "./slow-start.js";
import type { SubsetOptions, SubsetSelector } from "./subset-options.js";
import type { ConsistentHashOptions } from "./table-balancer.js";

const DEFAULT_MINIMUM_RING_SIZE = 1024;

/**
 * Collects what is wrong with the options of one policy, under the names its fields have in xDS, and throws it all at
 * once.
 */
export class PolicyCheck {
  private readonly issues: Issue[] = [];

  report(path: string, message: string): this {
    this.issues.push({ code: "ERR_LB_CONFIG_INVALID", path, message });
    return this;
  }

  integer(path: string, value: number | undefined, min: number, max: number): this {
    if (value === undefined || (Number.isInteger(value) && value >= min && value <= max)) return this;
    return this.report(path, `must be an integer from ${min} to ${max}, got ${value}`);
  }

  number(path: string, value: number | undefined, min: number, max: number): this {
    if (value === undefined || (value >= min && value <= max)) return this;
    return this.report(path, `must be a number from ${min} to ${max}, got ${value}`);
  }

  slowStart(options: SlowStartOptions | undefined): this {
    if (options === undefined) return this;
    if (!(options.windowMs > 0)) {
      this.report("slow_start_config.slow_start_window", `must be above 0, got ${options.windowMs} ms`);
    }
    return this.number("slow_start_config.min_weight_percent", options.minWeightPercent, 0, 100);
  }

  locality(mode: LocalityMode | undefined): this {
    if (mode?.kind !== "zone-aware") return this;
    const path = "locality_lb_config.zone_aware_lb_config";
    return this.number(`${path}.routing_enabled`, mode.routingEnabledPercent, 0, 100)
      .number(`${path}.min_cluster_size`, mode.minClusterSize, 0, Number.MAX_SAFE_INTEGER)
      .number(`${path}.force_local_zone.min_size`, mode.forceLocalZoneMinSize, 0, 0xffffffff);
  }

  ring(options: RingOptions): this {
    const { minimumRingSize: min, maximumRingSize: max } = options;
    this.integer("minimum_ring_size", min, 0, MAX_RING_SIZE).integer("maximum_ring_size", max, 0, MAX_RING_SIZE);
    if ((min ?? DEFAULT_MINIMUM_RING_SIZE) > (max ?? MAX_RING_SIZE)) {
      const sizes = `${min ?? DEFAULT_MINIMUM_RING_SIZE} and ${max ?? MAX_RING_SIZE}`;
      this.report("minimum_ring_size", `must not exceed maximum_ring_size, got ${sizes}`);
    }
    return this;
  }

  tableSize(size: number | undefined): this {
    this.integer("table_size", size, 2, MAX_TABLE_SIZE);
    if (size !== undefined && size <= MAX_TABLE_SIZE && !isPrime(size)) {
      this.report("table_size", `must be a prime number, got ${size}`);
    }
    return this;
  }

  consistentHashing(options: ConsistentHashOptions): this {
    return this.integer("consistent_hashing_lb_config.hash_balance_factor", options.hashBalanceFactor, 100, 0xffffffff);
  }

  subsets(options: SubsetOptions): this {
    for (const [index, selector] of options.selectors.entries()) {
      this.selector(selector, `subset_selectors[${index}]`);
    }
    return this;
  }

  /** @throws {@link LbError} `ERR_LB_CONFIG_INVALID` if anything was reported. */
  done(): void {
    throwIssues(this.issues);
  }

  private selector(selector: SubsetSelector, path: string): void {
    const keys = new Set(selector.keys);
    const fallback = new Set(selector.fallbackKeysSubset);
    if (selector.fallbackPolicy === "KEYS_SUBSET") {
      if (fallback.size === 0) this.report(`${path}.fallback_keys_subset`, "must not be empty with KEYS_SUBSET");
      else if ([...fallback].some((key) => !keys.has(key))) {
        this.report(`${path}.fallback_keys_subset`, "must be a subset of the selector's keys");
      } else if (fallback.size === keys.size) {
        this.report(`${path}.fallback_keys_subset`, "must not be equal to the selector's keys");
      }
    }
    if (fallback.size > 0 && selector.fallbackPolicy !== "KEYS_SUBSET") {
      this.report(`${path}.fallback_keys_subset`, "can be set for KEYS_SUBSET only");
    }
    if (selector.singleHostPerSubset && keys.size !== 1) {
      this.report(`${path}.single_host_per_subset`, `takes a selector with one key, got ${keys.size}`);
    }
  }
}

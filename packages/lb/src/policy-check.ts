import { type Issue, throwIssues } from "./errors.js";
import { MAX_RING_SIZE, type RingOptions } from "./hash-ring.js";
import type { LocalityMode } from "./locality-options.js";
import { isPrime, MAX_TABLE_SIZE } from "./maglev-table.js";
import { isRecord, shown } from "./option-shape.js";
import type { Policy } from "./policy.js";
import type { SlowStartOptions } from "./slow-start.js";
import type { SubsetOptions, SubsetSelector } from "./subset-options.js";
import type { ConsistentHashOptions } from "./table-balancer.js";

const DEFAULT_MINIMUM_RING_SIZE = 1024;
/** Kinds of hash policies, and the field without which each has nothing to hash. */
const HASHED_FIELDS: Readonly<Record<string, string | undefined>> = {
  header: "name",
  cookie: "name",
  "query-parameter": "name",
  "filter-state": "key",
  "source-ip": undefined,
};

/**
 * Collects what is wrong with the options of one policy, under the names its fields have in xDS, and throws it all at
 * once.
 */
export class PolicyCheck {
  private readonly issues: Issue[] = [];

  /** @throws {@link LbError} `ERR_LB_CONFIG_INVALID` if the options are no mapping to look into. */
  constructor(options: object) {
    if (!isRecord(options)) this.report("options", `must be a mapping, got ${shown(options)}`).done();
  }

  report(path: string, message: string): this {
    this.issues.push({ code: "ERR_LB_CONFIG_INVALID", path, message });
    return this;
  }

  integer(path: string, value: number | undefined, min: number, max: number): this {
    if (value === undefined || (Number.isInteger(value) && value >= min && value <= max)) return this;
    return this.report(path, `must be an integer from ${min} to ${max}, got ${shown(value)}`);
  }

  number(path: string, value: number | undefined, min: number, max: number): this {
    if (value === undefined || (typeof value === "number" && value >= min && value <= max)) return this;
    return this.report(path, `must be a number from ${min} to ${max}, got ${shown(value)}`);
  }

  /** One of some texts, if there is a value at all. */
  oneOf(path: string, value: unknown, known: readonly string[]): this {
    if (value === undefined || known.includes(value as string)) return this;
    return this.report(path, `must be one of ${known.join(", ")}, got ${shown(value)}`);
  }

  /** The entries of a list, if there is one; what is none is reported. */
  list<T>(path: string, value: readonly T[] | undefined): readonly T[] {
    if (value === undefined || Array.isArray(value)) return value ?? [];
    this.report(path, `must be a list, got ${shown(value)}`);
    return [];
  }

  /** A policy to hand on to. */
  policy(path: string, value: Policy | undefined): this {
    if (isRecord(value) && typeof value["balancer"] === "function") return this;
    return this.report(path, `must be a policy, such as roundRobin(), got ${shown(value)}`);
  }

  slowStart(options: SlowStartOptions | undefined): this {
    if (options === undefined) return this;
    if (!isRecord(options)) return this.report("slow_start_config", `must be a mapping, got ${shown(options)}`);
    if (!(typeof options.windowMs === "number" && options.windowMs > 0)) {
      this.report("slow_start_config.slow_start_window", `must be above 0, got ${shown(options.windowMs)} ms`);
    }
    return this.number("slow_start_config.min_weight_percent", options.minWeightPercent, 0, 100);
  }

  locality(mode: LocalityMode | undefined): this {
    if (mode === undefined) return this;
    const given: unknown = mode;
    if (!isRecord(given)) return this.report("locality_lb_config", `must be a mapping, got ${shown(given)}`);
    this.oneOf("locality_lb_config.kind", given["kind"] ?? "", ["zone-aware", "locality-weighted"]);
    if (mode.kind !== "zone-aware") return this;
    const path = "locality_lb_config.zone_aware_lb_config";
    return this.number(`${path}.routing_enabled`, mode.routingEnabledPercent, 0, 100)
      .number(`${path}.min_cluster_size`, mode.minClusterSize, 0, Number.MAX_SAFE_INTEGER)
      .number(`${path}.force_local_zone.min_size`, mode.forceLocalZoneMinSize, 0, 0xffffffff);
  }

  ring(options: RingOptions): this {
    const { minimumRingSize: min, maximumRingSize: max } = options;
    this.integer("minimum_ring_size", min, 0, MAX_RING_SIZE).integer("maximum_ring_size", max, 0, MAX_RING_SIZE);
    const [least, most] = [min ?? DEFAULT_MINIMUM_RING_SIZE, max ?? MAX_RING_SIZE];
    if (Number.isInteger(least) && Number.isInteger(most) && least > most) {
      this.report("minimum_ring_size", `must not exceed maximum_ring_size, got ${least} and ${most}`);
    }
    return this;
  }

  tableSize(size: number | undefined): this {
    this.integer("table_size", size, 2, MAX_TABLE_SIZE);
    if (Number.isInteger(size) && size !== undefined && size <= MAX_TABLE_SIZE && !isPrime(size)) {
      this.report("table_size", `must be a prime number, got ${size}`);
    }
    return this;
  }

  consistentHashing(options: ConsistentHashOptions): this {
    const path = "consistent_hashing_lb_config";
    for (const [index, policy] of this.list(`${path}.hash_policy`, options.hashPolicy).entries()) {
      this.hashPolicy(`${path}.hash_policy[${index}]`, policy);
    }
    return this.integer(`${path}.hash_balance_factor`, options.hashBalanceFactor, 100, 0xffffffff);
  }

  subsets(options: SubsetOptions): this {
    if (options.selectors === undefined) this.report("subset_selectors", "is required");
    for (const [index, selector] of this.list("subset_selectors", options.selectors).entries()) {
      const path = `subset_selectors[${index}]`;
      if (isRecord(selector)) this.selector(selector as SubsetSelector, path);
      else this.report(path, `must be a mapping, got ${shown(selector)}`);
    }
    if (options.policy !== undefined) this.policy("subset_lb_policy", options.policy);
    return this.oneOf("fallback_policy", options.fallbackPolicy, ["NO_FALLBACK", "ANY_ENDPOINT", "DEFAULT_SUBSET"]);
  }

  /** @throws {@link LbError} `ERR_LB_CONFIG_INVALID` if anything was reported. */
  done(): void {
    throwIssues(this.issues);
  }

  private hashPolicy(path: string, given: unknown): this {
    if (!isRecord(given)) return this.report(path, `must be a mapping, got ${shown(given)}`);
    const { kind, ...fields } = given;
    this.oneOf(`${path}.kind`, kind ?? "", Object.keys(HASHED_FIELDS));
    const field = HASHED_FIELDS[String(kind)];
    if (field === undefined || typeof fields[field] === "string") return this;
    return this.report(`${path}.${field}`, `must be a string, got ${shown(fields[field])}`);
  }

  private selector(selector: SubsetSelector, path: string): void {
    if (selector.keys === undefined) this.report(`${path}.keys`, "is required");
    const keys = new Set(this.list(`${path}.keys`, selector.keys));
    const fallback = new Set(this.list(`${path}.fallback_keys_subset`, selector.fallbackKeysSubset));
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

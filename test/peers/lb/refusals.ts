/** Clusters that Envoy accepts or refuses: the verdict must be ours. */
import { envoyRefuses } from "../envoy.js";
import type { Checks } from "../xds/check.js";
import { assignmentOf, type GroupSpec, hostsOf } from "./endpoints.js";
import { optionsOf } from "./ours.js";
import type { Json } from "./rig.js";

const POLICIES = "type.googleapis.com/envoy.extensions.load_balancing_policies";

interface Verdict {
  readonly name: string;
  readonly cluster: Json;
}

function policies(...configs: readonly Json[]): Json {
  return {
    policies: configs.map((typed_config) => ({ typed_extension_config: { name: "p", typed_config } })),
  };
}

function policy(type: string, config: Json = {}): Json {
  return { load_balancing_policy: policies({ "@type": `${POLICIES}.${type}`, ...config }) };
}

function subsets(...subset_selectors: readonly Json[]): Json {
  return { lb_subset_config: { subset_selectors } };
}

function endpoints(groups: readonly GroupSpec[], drops?: Json): Json {
  return { load_assignment: assignmentOf(groups, drops) };
}

const roundRobin = { "@type": `${POLICIES}.round_robin.v3.RoundRobin` };
const named = { endpoint: { address: { socket_address: { address: "host.invalid", port_value: 1 } } } };
const byName = (count: number): Json => ({
  load_assignment: { cluster_name: "x", endpoints: [{ lb_endpoints: Array.from({ length: count }, () => named) }] },
});
const destination = { type: "ORIGINAL_DST", lb_policy: "CLUSTER_PROVIDED", load_assignment: undefined };
const check = { timeout: "1s", interval: "1s", healthy_threshold: 1, unhealthy_threshold: 1, tcp_health_check: {} };
const byHttp = (http: Json): Json => ({
  health_checks: [{ ...check, tcp_health_check: undefined, http_health_check: { path: "/", ...http } }],
});
const drop = (count: number, numerator = 5): Json => ({
  drop_overloads: Array.from({ length: count }, (_, i) => ({
    category: `c${i}`,
    drop_percentage: { numerator, denominator: "HUNDRED" },
  })),
});

const edits: Readonly<Record<string, Json>> = {
  plain: {},
  "ring bounds the wrong way": {
    lb_policy: "RING_HASH",
    ring_hash_lb_config: { minimum_ring_size: 9, maximum_ring_size: 8 },
  },
  "ring maximum below the default minimum": { lb_policy: "RING_HASH", ring_hash_lb_config: { maximum_ring_size: 8 } },
  "ring above 8M": { lb_policy: "RING_HASH", ring_hash_lb_config: { maximum_ring_size: 8_388_609 } },
  "ring minimum 0": { lb_policy: "RING_HASH", ring_hash_lb_config: { minimum_ring_size: 0 } },
  "ring of a policy, bounds the wrong way": policy("ring_hash.v3.RingHash", {
    minimum_ring_size: 9,
    maximum_ring_size: 8,
  }),
  "ring of a policy, maximum 0": policy("ring_hash.v3.RingHash", { minimum_ring_size: 1, maximum_ring_size: 0 }),
  "ring of a policy, minimum 0": policy("ring_hash.v3.RingHash", { minimum_ring_size: 0 }),
  "table of no prime": { lb_policy: "MAGLEV", maglev_lb_config: { table_size: 65_536 } },
  "table of 0": { lb_policy: "MAGLEV", maglev_lb_config: { table_size: 0 } },
  "table of 1": { lb_policy: "MAGLEV", maglev_lb_config: { table_size: 1 } },
  "table of 2": { lb_policy: "MAGLEV", maglev_lb_config: { table_size: 2 } },
  "table above the limit": policy("maglev.v3.Maglev", { table_size: 5_000_077 }),
  "table of a policy, no prime": policy("maglev.v3.Maglev", { table_size: 9 }),
  "one choice": { lb_policy: "LEAST_REQUEST", least_request_lb_config: { choice_count: 1 } },
  "one choice of a policy": policy("least_request.v3.LeastRequest", { choice_count: 1 }),
  "negative bias": {
    lb_policy: "LEAST_REQUEST",
    least_request_lb_config: { active_request_bias: { default_value: -1, runtime_key: "k" } },
  },
  "balance factor 99": {
    lb_policy: "MAGLEV",
    common_lb_config: { consistent_hashing_lb_config: { hash_balance_factor: 99 } },
  },
  "balance factor 0": {
    lb_policy: "MAGLEV",
    common_lb_config: { consistent_hashing_lb_config: { hash_balance_factor: 0 } },
  },
  "hash by name of static hosts": {
    lb_policy: "MAGLEV",
    common_lb_config: { consistent_hashing_lb_config: { use_hostname_for_hashing: true } },
  },
  "hash by name in a policy": policy("maglev.v3.Maglev", {
    consistent_hashing_lb_config: { use_hostname_for_hashing: true },
  }),
  "slow start without a window": {
    round_robin_lb_config: { slow_start_config: { aggression: { default_value: 1, runtime_key: "k" } } },
  },
  "slow start of 0 s": { round_robin_lb_config: { slow_start_config: { slow_start_window: "0s" } } },
  "slow start in a policy": policy("round_robin.v3.RoundRobin", {
    slow_start_config: { slow_start_window: "10s", min_weight_percent: { value: 101 } },
  }),
  "a policy and subsets": { ...policy("round_robin.v3.RoundRobin"), ...subsets({ keys: ["a"] }) },
  "a policy and zone awareness": {
    ...policy("round_robin.v3.RoundRobin"),
    common_lb_config: { zone_aware_lb_config: {} },
  },
  "a policy and panic": {
    ...policy("round_robin.v3.RoundRobin"),
    common_lb_config: { healthy_panic_threshold: { value: 1 } },
  },
  "a policy and a legacy one": { ...policy("round_robin.v3.RoundRobin"), lb_policy: "MAGLEV" },
  "no policies": { load_balancing_policy: {} },
  "an unknown policy": {
    load_balancing_policy: policies({ "@type": "type.googleapis.com/google.protobuf.StringValue", value: "a" }),
  },
  "an unknown policy, then a known one": {
    load_balancing_policy: policies(
      { "@type": "type.googleapis.com/google.protobuf.StringValue", value: "a" },
      roundRobin,
    ),
  },
  "LOAD_BALANCING_POLICY_CONFIG without a policy": { lb_policy: "LOAD_BALANCING_POLICY_CONFIG" },
  "provided by nobody": { lb_policy: "CLUSTER_PROVIDED" },
  "wrr_locality without a child": policy("wrr_locality.v3.WrrLocality"),
  "wrr_locality of round robin": policy("wrr_locality.v3.WrrLocality", {
    endpoint_picking_policy: policies(roundRobin),
  }),
  "wrr_locality of reported load": policy("wrr_locality.v3.WrrLocality", {
    endpoint_picking_policy: policies({
      "@type": `${POLICIES}.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin`,
    }),
  }),
  "reported load": policy("client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin"),
  "reported load, negative penalty": policy("client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin", {
    error_utilization_penalty: -1,
  }),
  "override host without a fallback": policy("override_host.v3.OverrideHost", {
    override_host_sources: [{ header: "x" }],
  }),
  "override host": policy("override_host.v3.OverrideHost", {
    override_host_sources: [{ header: "x" }, { metadata: { key: "f", path: [{ key: "a" }] } }],
    fallback_policy: policies(roundRobin),
  }),
  "override host without sources": policy("override_host.v3.OverrideHost", { fallback_policy: policies(roundRobin) }),
  "override host of header and metadata": policy("override_host.v3.OverrideHost", {
    override_host_sources: [{ header: "x", metadata: { key: "f", path: [{ key: "a" }] } }],
    fallback_policy: policies(roundRobin),
  }),
  "override host of an empty source": policy("override_host.v3.OverrideHost", {
    override_host_sources: [{}],
    fallback_policy: policies(roundRobin),
  }),
  "override host with an unknown fallback": policy("override_host.v3.OverrideHost", {
    override_host_sources: [{ header: "x" }],
    fallback_policy: {},
  }),
  "random subsetting": policy("random_subsetting.v3.RandomSubsetting", {
    subset_size: 3,
    child_policy: policies(roundRobin),
  }),
  "random subsetting of 0": policy("random_subsetting.v3.RandomSubsetting", { child_policy: policies(roundRobin) }),
  "subset policy without a child": policy("subset.v3.Subset", { subset_selectors: [{ keys: ["a"] }] }),
  "subset policy": policy("subset.v3.Subset", {
    subset_selectors: [{ keys: ["a"] }],
    subset_lb_policy: policies(roundRobin),
  }),
  "keys subset": subsets({ keys: ["a", "b"], fallback_policy: "KEYS_SUBSET", fallback_keys_subset: ["a"] }),
  "keys subset of no keys": subsets({ keys: ["a"], fallback_policy: "KEYS_SUBSET" }),
  "keys subset of all keys": subsets({ keys: ["a"], fallback_policy: "KEYS_SUBSET", fallback_keys_subset: ["a"] }),
  "keys subset of other keys": subsets({
    keys: ["a", "b"],
    fallback_policy: "KEYS_SUBSET",
    fallback_keys_subset: ["c"],
  }),
  "keys subset without its policy": subsets({ keys: ["a", "b"], fallback_keys_subset: ["c"] }),
  "single host of two keys": subsets({ keys: ["a", "b"], single_host_per_subset: true }),
  "subsets of a provided balancer": { ...destination, ...subsets({ keys: ["a"] }) },
  "original destination": { ...destination, load_assignment: undefined },
  "original destination by round robin": { ...destination, lb_policy: "ROUND_ROBIN" },
  "original destination with hosts": { ...destination, ...endpoints([{ hosts: hostsOf(50, 1) }]) },
  "original destination by an unnamed header": {
    ...destination,
    original_dst_lb_config: { http_header_name: "x-dst" },
  },
  "original destination by a header": {
    ...destination,
    original_dst_lb_config: { use_http_header: true, http_header_name: "x-dst", upstream_port_override: 65_536 },
  },
  "original destination cleaned up at once": { ...destination, cleanup_interval: "0s" },
  "logical name": { type: "LOGICAL_DNS", ...byName(1) },
  "two logical names": { type: "LOGICAL_DNS", ...byName(2) },
  "no logical name": { type: "LOGICAL_DNS", ...byName(0) },
  "strict names": { type: "STRICT_DNS", ...byName(2) },
  "strict names looked up without rest": { type: "STRICT_DNS", ...byName(1), dns_refresh_rate: "0.0005s" },
  "failures looked up backwards": {
    type: "STRICT_DNS",
    ...byName(1),
    dns_failure_refresh_rate: { base_interval: "2s", max_interval: "1s" },
  },
  "failures without a base": { type: "STRICT_DNS", ...byName(1), dns_failure_refresh_rate: {} },
  "a name in a static cluster": byName(1),
  "no hosts": endpoints([]),
  "priority 128": endpoints([{ priority: 128, hosts: hostsOf(50, 1) }]),
  "priority 129": endpoints([{ priority: 129, hosts: hostsOf(50, 1) }]),
  "a gap between priorities": endpoints([{ priority: 3, hosts: hostsOf(50, 1) }]),
  "host weight 0": endpoints([{ hosts: hostsOf(50, 1, () => ({ weight: 0 })) }]),
  "host weights of 2^32": endpoints([{ hosts: hostsOf(50, 2, () => ({ weight: 2 ** 31 })) }]),
  "host weights of 2^32 - 1": endpoints([{ hosts: hostsOf(50, 2, (i) => ({ weight: 2 ** 31 - i })) }]),
  "locality weights of 2^32": endpoints([
    { zone: "a", weight: 2 ** 31, hosts: hostsOf(50, 1) },
    { zone: "b", weight: 2 ** 31, hosts: hostsOf(51, 1) },
  ]),
  "locality weight 0": endpoints([{ zone: "a", weight: 0, hosts: hostsOf(50, 1) }]),
  "one locality twice": endpoints([
    { zone: "a", hosts: hostsOf(50, 1) },
    { zone: "a", hosts: hostsOf(51, 1) },
  ]),
  "one address twice": endpoints([{ hosts: [...hostsOf(50, 1), ...hostsOf(50, 1)] }]),
  "overprovisioned by 0": endpoints([{ hosts: hostsOf(50, 1) }], { overprovisioning_factor: 0 }),
  "one drop": endpoints([{ hosts: hostsOf(50, 1) }], drop(1)),
  "two drops": endpoints([{ hosts: hostsOf(50, 1) }], drop(2)),
  "a drop of 101 %": endpoints([{ hosts: hostsOf(50, 1) }], drop(1, 101)),
  "panic at 101 %": { common_lb_config: { healthy_panic_threshold: { value: 101 } } },
  "a negative merge window": { common_lb_config: { update_merge_window: "-1s" } },
  "zone aware and locality weighted": {
    common_lb_config: { zone_aware_lb_config: {}, locality_weighted_lb_config: {} },
  },
  "zones routed at 101 %": { common_lb_config: { zone_aware_lb_config: { routing_enabled: { value: 101 } } } },
  "ejections shorter at most than at first": {
    outlier_detection: { base_ejection_time: "10s", max_ejection_time: "9s" },
  },
  "ejections of 400 s at most by default": { outlier_detection: { base_ejection_time: "400s" } },
  "ejection of 0 s": { outlier_detection: { base_ejection_time: "0s" } },
  "sweeps of 0 s": { outlier_detection: { interval: "0s" } },
  "enforced by 101 %": { outlier_detection: { enforcing_success_rate: 101 } },
  "failure share 101": { outlier_detection: { failure_percentage_threshold: 101 } },
  "negative jitter": { outlier_detection: { max_ejection_time_jitter: "-1s" } },
  "thresholds of 0": {
    outlier_detection: { consecutive_5xx: 0, success_rate_minimum_hosts: 0, max_ejection_percent: 0 },
  },
  "thresholds twice": { circuit_breakers: { thresholds: [{ max_requests: 1 }, { max_requests: 2 }] } },
  "limits of 0": { circuit_breakers: { thresholds: [{ max_requests: 0, max_connections: 0 }] } },
  "retry budget of 101 %": { circuit_breakers: { thresholds: [{ retry_budget: { budget_percent: { value: 101 } } }] } },
  "limits by host": { circuit_breakers: { per_host_thresholds: [{ max_connections: 1 }] } },
  "request limits by host": { circuit_breakers: { per_host_thresholds: [{ max_requests: 1 }] } },
  "retries limited by host": { circuit_breakers: { per_host_thresholds: [{ max_retries: 1 }] } },
  "pending limited by host": { circuit_breakers: { per_host_thresholds: [{ max_pending_requests: 1 }] } },
  "pools limited by host": { circuit_breakers: { per_host_thresholds: [{ max_connection_pools: 1 }] } },
  "a budget by host": { circuit_breakers: { per_host_thresholds: [{ retry_budget: {} }] } },
  "a health check": { health_checks: [check] },
  "two health checks": { health_checks: [check, check] },
  "a check without a threshold": { health_checks: [{ ...check, healthy_threshold: undefined }] },
  "a check of 0 s": { health_checks: [{ ...check, interval: "0s" }] },
  "a check without an end": { health_checks: [{ ...check, timeout: "0s" }] },
  "a check never repeated while idle": { health_checks: [{ ...check, no_traffic_interval: "0s" }] },
  "a check of nothing": { health_checks: [{ ...check, tcp_health_check: undefined }] },
  "a check by CONNECT": byHttp({ method: "CONNECT" }),
  "a check without a path": { health_checks: [{ ...check, tcp_health_check: undefined, http_health_check: {} }] },
  "a check expecting nothing": byHttp({ expected_statuses: [{ start: 200, end: 200 }] }),
  "a check expecting 600": byHttp({ expected_statuses: [{ start: 200, end: 601 }] }),
  "a check retrying 99": byHttp({ retriable_statuses: [{ start: 99, end: 200 }] }),
  "a check that sends with GET": byHttp({ send: { text: "00" } }),
  "a check that sends with POST": byHttp({ method: "POST", send: { text: "00" } }),
  "a check of half a byte": byHttp({ receive: [{ text: "000" }] }),
  "a check of no hexadecimal": { health_checks: [{ ...check, tcp_health_check: { send: { text: "zz" } } }] },
  "a check of no bytes": byHttp({ receive: [{ binary: "" }] }),
  "a check beyond its buffer": byHttp({ receive: [{ text: "0000" }], response_buffer_size: 1 }),
  "a check without its host header": byHttp({ request_headers_to_remove: ["host"] }),
  "a check of any service": byHttp({ service_name_matcher: {} }),
  "a check with thresholds of 0": { health_checks: [{ ...check, healthy_threshold: 0, unhealthy_threshold: 0 }] },
  "a budget of an interval": { circuit_breakers: { thresholds: [{ retry_budget: { budget_interval: "10s" } }] } },
  "a budget of no interval": { circuit_breakers: { thresholds: [{ retry_budget: { budget_interval: "0s" } }] } },
  "a budget of a negative interval": {
    circuit_breakers: { thresholds: [{ retry_budget: { budget_interval: "-1s" } }] },
  },
};

/** What Envoy and we judge differently, and why. */
const explained: Readonly<Record<string, string>> = {
  ...each(
    "policy-rules: Envoy does not apply the rules of its API to a policy's message; our check of the structure does",
    "table above the limit",
    "ring of a policy, minimum 0",
    "one choice of a policy",
    "reported load, negative penalty",
    "slow start in a policy",
  ),
  ...each(
    "weight-sums: the API forbids sums beyond 32 bits; Envoy does not look at them in a static cluster",
    "host weights of 2^32",
    "locality weights of 2^32",
  ),
  ...each("single-host: the API takes one key; Envoy accepts the configuration with two", "single host of two keys"),
  ...each("not-in-envoy: a policy of gRPC (gRFC A68), unknown to Envoy 1.40.0", "random subsetting"),
  ...each(
    "wrr-locality-child: Envoy 1.40.0 takes reported load only as the child; gRPC takes any (gRFC A52)",
    "wrr_locality of round robin",
  ),
};

function each(reason: string, ...names: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(names.map((name) => [name, reason]));
}

/** Compares `count` verdicts. */
export async function compareVerdicts(checks: Checks, count: number, random: () => number): Promise<void> {
  const all: readonly Verdict[] = Object.entries(edits).map(([name, edit]) => ({ name, cluster: clusterJson(edit) }));
  const chosen = all.map((each) => ({ each, at: random() })).sort((a, b) => a.at - b.at);
  const next = chosen.slice(0, count)[Symbol.iterator]();
  const work = async (): Promise<void> => {
    for (let item = next.next(); item.done !== true; item = next.next()) await compare(checks, item.value.each);
  };
  await Promise.all([work(), work()]);
}

function clusterJson(edit: Json): Json {
  const load_assignment = {
    ...assignmentOf([{ hosts: hostsOf(50, 2) }]),
    ...(edit["load_assignment"] as Json | undefined),
  };
  const cluster = {
    name: "x",
    type: "STATIC",
    connect_timeout: "1s",
    ...edit,
    ...("load_assignment" in edit && edit["load_assignment"] === undefined ? {} : { load_assignment }),
  };
  return JSON.parse(JSON.stringify(cluster)) as Json;
}

async function compare(checks: Checks, { name, cluster }: Verdict): Promise<void> {
  let theirs = await envoyRefuses({ static_resources: { clusters: [cluster] } });
  // On a busy machine the process may be gone before its last words are read.
  for (let again = 0; again < 3 && theirs === ""; again++) {
    theirs = await envoyRefuses({ static_resources: { clusters: [cluster] } });
  }
  let ours: string | undefined;
  try {
    optionsOf(cluster);
  } catch (error) {
    ours = error instanceof Error ? error.message : String(error);
  }
  const statement = `verdict on ${name}`;
  if ((theirs === undefined) === (ours === undefined)) checks.hold(statement, true, ours ?? "accepted");
  else if (explained[name] !== undefined) checks.hold(`${statement} (explained)`, true, explained[name]);
  else checks.hold(statement, false, `Envoy ${theirs?.slice(-260) ?? "accepts"}; we ${ours ?? "accept"}`);
}

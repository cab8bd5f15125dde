/** Bootstraps that differ from one that Envoy loads in one place. */

/** One bootstrap with its edit. */
export interface BootstrapCase {
  readonly name: string;
  readonly bootstrap: Readonly<Record<string, unknown>>;
}

type Path = readonly (string | number)[];

const hcm: Path = [...["static_resources", "listeners", 0, "filter_chains", 0], "filters", 0, "typed_config"];
const host: Path = [...hcm, "route_config", "virtual_hosts", 0];
const route: Path = [...host, "routes", 0];
const cluster: Path = ["static_resources", "clusters", 0];
const locality: Path = [...cluster, "load_assignment", "endpoints", 0];
const endpoint: Path = [...locality, "lb_endpoints", 0];

const durations = ["1s", "1.5s", "0s", "-1s", "0.000000001s", "1.0000000001s", "1", "1m", "", "s", ".5s", "1.s", "+1s"];
const moreDurations = [" 1s", "1e3s", 1, null, true, "315576000001s", { seconds: 1 }, { seconds: "2", nanos: 5 }];
const anyDuration: readonly unknown[] = [...durations, ...moreDurations];
const counts: readonly unknown[] = [
  0,
  1,
  3,
  "3",
  "03",
  1.5,
  "1.0",
  "1e2",
  -1,
  4_294_967_295,
  4_294_967_296,
  "0x1",
  "",
  true,
];
const moreCounts: readonly unknown[] = [null, [1], { value: 3 }, " 1", "1 "];
const flags: readonly unknown[] = [true, false, "true", "false", "True", "yes", 1, 0, null, "", { value: true }];
const texts: readonly unknown[] = [
  "x",
  "",
  "é😀",
  "a b",
  "a\nb",
  "a\u0000b",
  "x".repeat(300),
  null,
  1,
  true,
  ["x"],
  {},
];
const percents: readonly unknown[] = [0, 1, 100, 101, -1, 50.5, "50", "NaN", "Infinity", null];

/** What is put where: every value on its own. `undefined` takes the field away. */
const edits: readonly (readonly [Path, readonly unknown[]])[] = [
  [
    [...cluster, "name"],
    [undefined, ...texts],
  ],
  [
    [...cluster, "connect_timeout"],
    [undefined, ...anyDuration],
  ],
  [[...cluster, "connectTimeout"], ["1s"]],
  [
    [...cluster, "type"],
    ["STATIC", "static", 0, "0", 99, "NOPE", true, null, undefined, "STRICT_DNS", -1],
  ],
  [
    [...cluster, "lb_policy"],
    ["ROUND_ROBIN", "round_robin", "RING_HASH", 0, 2, 77, -1, "Maglev", "", null, 1.5],
  ],
  [
    [...cluster, "per_connection_buffer_limit_bytes"],
    [...counts, ...moreCounts],
  ],
  [[...cluster, "respect_dns_ttl"], flags],
  [[...cluster, "wait_for_warm_on_init"], flags],
  [
    [...cluster, "dns_refresh_rate"],
    [...anyDuration, "0.0009s", "0.001s", "0.0010001s"],
  ],
  [
    [...cluster, "circuit_breakers"],
    [{}, null, { thresholds: null }, { thresholds: [{ priority: "HIGH" }] }, []],
  ],
  [[...cluster, "circuit_breakers"], counts.map((value) => ({ thresholds: [{ max_connections: value }] }))],
  [
    [...cluster, "circuit_breakers"],
    percents.map((value) => ({ thresholds: [{ retry_budget: { budget_percent: { value } } }] })),
  ],
  [[...cluster, "outlier_detection"], anyDuration.map((interval) => ({ interval }))],
  [[...cluster, "outlier_detection"], percents.map((value) => ({ max_ejection_percent: value }))],
  [[...cluster, "common_lb_config"], percents.map((value) => ({ healthy_panic_threshold: { value } }))],
  [
    [...cluster, "health_checks"],
    anyDuration.map((timeout) => [
      { timeout, interval: "1s", unhealthy_threshold: 1, healthy_threshold: 1, tcp_health_check: {} },
    ]),
  ],
  [
    [...cluster, "health_checks"],
    [[{}], [{ timeout: "1s", interval: "1s", tcp_health_check: {} }], null, {}],
  ],
  [
    [...cluster, "nonsense"],
    [1, null],
  ],
  [
    [...cluster, "metadata"],
    [{}, { filter_metadata: { a: { b: [1, null, { c: "d" }] } } }, { filter_metadata: { a: 1 } }],
  ],
  [
    [...locality, "priority"],
    [0, 1, 128, 129, "5", -1, null],
  ],
  [[...locality, "load_balancing_weight"], counts],
  [[...endpoint, "load_balancing_weight"], counts],
  [
    [...endpoint, "health_status"],
    ["HEALTHY", "healthy", "UNHEALTHY", 6, 99, "", null],
  ],
  [
    [...endpoint, "endpoint"],
    [undefined, {}, null, "x"],
  ],
  [[...endpoint, "endpoint_name"], ["x"]],
  [
    [...endpoint, "endpoint", "address", "socket_address"],
    [0, 1, 65_535, 65_536, -1, "80", null].map((port_value) => ({ address: "127.0.0.1", port_value })),
  ],
  [
    [...endpoint, "endpoint", "address", "socket_address"],
    [{}, { port_value: 1 }, { address: "", port_value: 1 }],
  ],
  [
    [...cluster, "load_assignment", "cluster_name"],
    [undefined, "", "x", null],
  ],
  [
    [...hcm, "stat_prefix"],
    [undefined, ...texts],
  ],
  [
    [...hcm, "codec_type"],
    ["AUTO", "auto", "HTTP3000", 0, 9, null],
  ],
  [
    [...hcm, "http_filters"],
    [undefined, [{}], [{ name: "" }], null],
  ],
  [
    [...hcm, "max_request_headers_kb"],
    [0, 1, 60, 8192, 8193, "96", null],
  ],
  [[...hcm, "stream_idle_timeout"], anyDuration],
  [[...hcm, "drain_timeout"], anyDuration],
  [[...hcm, "use_remote_address"], flags],
  [[...hcm, "generate_request_id"], flags],
  [
    [...hcm, "path_with_escaped_slashes_action"],
    ["KEEP_UNCHANGED", 3, 99, "x"],
  ],
  [
    [...hcm, "rds"],
    [{}, { route_config_name: "x", config_source: { ads: {} } }],
  ],
  [
    [...hcm, "@type"],
    [undefined, "", "x", "type.googleapis.com/no.Such", 1],
  ],
  [[...hcm, "nonsense"], [1]],
  [[...hcm, "server_name"], texts],
  [
    [...host, "name"],
    [undefined, ...texts],
  ],
  [
    [...host, "domains"],
    [undefined, [], ["*"], [""], ["a", "b"], "x", [1], null, ["a\nb"]],
  ],
  [
    [...host, "require_tls"],
    ["NONE", "ALL", "all", 7, null],
  ],
  [[...host, "request_headers_to_add"], texts.map((key) => [{ header: { key, value: "v" } }])],
  [[...host, "request_headers_to_add"], texts.map((value) => [{ header: { key: "k", value } }])],
  [
    [...host, "request_headers_to_add"],
    [[{}], [{ header: {} }], [{ header: { key: "k" }, append: true }]],
  ],
  [[...host, "request_headers_to_remove"], texts.map((name) => [name])],
  [
    [...route, "match"],
    [undefined, {}, null, { prefix: "/", path: "/" }, { path: "" }, { prefix: null }],
  ],
  [[...route, "match"], ["/a", "/a/", "", "/a?b", "a", "/a#b"].map((value) => ({ path_separated_prefix: value }))],
  [[...route, "match"], texts.map((name) => ({ prefix: "/", headers: [{ name, present_match: true }] }))],
  [[...route, "match"], flags.map((value) => ({ prefix: "/", case_sensitive: value }))],
  [
    [...route, "match"],
    [
      { safe_regex: { regex: "/a" } },
      { safe_regex: {} },
      { safe_regex: { regex: "/a", google_re2: {} } },
      { prefix: "/", query_parameters: [{}] },
      { prefix: "/", runtime_fraction: { default_value: { numerator: 1 } } },
      { prefix: "/", runtime_fraction: {} },
      { connect_matcher: {} },
    ],
  ],
  [
    [...route, "route"],
    [undefined, {}, null, { cluster: "" }, { cluster: "c", cluster_header: "x" }],
  ],
  [[...route, "redirect"], [{}]],
  [[...route, "route", "timeout"], anyDuration],
  [[...route, "route", "idle_timeout"], anyDuration],
  [
    [...route, "route", "priority"],
    ["DEFAULT", "HIGH", "high", 2, "x"],
  ],
  [[...route, "route", "prefix_rewrite"], texts],
  [[...route, "route", "host_rewrite_literal"], texts],
  [
    [...route, "route", "cluster_not_found_response_code"],
    ["NOT_FOUND", 0, 9, "not_found"],
  ],
  [[...route, "route", "retry_policy"], counts.map((value) => ({ retry_on: "5xx", num_retries: value }))],
  [[...route, "route", "retry_policy"], anyDuration.map((base_interval) => ({ retry_back_off: { base_interval } }))],
  [
    [...route, "route", "hash_policy"],
    [[{}], [{ header: {} }], [{ header: { header_name: "x" } }], [{ cookie: {} }]],
  ],
  [[...route, "route", "weighted_clusters"], [{ clusters: [{ name: "c", weight: 1 }] }]],
  [
    [...route, "metadata"],
    [{}, { filter_metadata: null }],
  ],
  [[...route, "name"], texts],
  [["admin"], [{}, { address: { pipe: { path: "" } } }, { address: {} }, null]],
  [["node"], [{}, { id: "x", metadata: { a: [] } }, { id: 1 }, { metadata: 1 }, { nonsense: 1 }]],
  [["stats_flush_interval"], [...anyDuration, "0.001s", "0.0009s", "299s", "300s"]],
  [["stats_config"], [{ use_all_default_tags: "true" }, { stats_tags: [{}] }, { stats_matcher: {} }]],
  [
    ["layered_runtime"],
    [{}, { layers: [{}] }, { layers: [{ name: "a", static_layer: {} }] }, { layers: [{ name: "a" }] }],
  ],
  [["nonsense"], [1]],
  [["static_resources"], [{}, null, { clusters: {} }, { clusters: [null] }]],
];

/** Every edit as a bootstrap, in an order that the seed decides. */
export function bootstraps(seed: number, count: number): readonly BootstrapCase[] {
  const all = edits.flatMap(([path, values]) =>
    values.map((value): BootstrapCase => {
      const bootstrap = base();
      put(bootstrap, path, value);
      return { name: `${path.join(".")} = ${JSON.stringify(value) ?? "nothing"}`, bootstrap };
    }),
  );
  let state = seed >>> 0;
  for (let index = all.length - 1; index > 0; index -= 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const other = state % (index + 1);
    const [a, b] = [all[index], all[other]];
    if (a === undefined || b === undefined) continue;
    all[index] = b;
    all[other] = a;
  }
  return all.slice(0, count);
}

function put(target: unknown, path: Path, value: unknown): void {
  let at = target as Record<string | number, unknown>;
  for (const key of path.slice(0, -1)) at = at[key] as Record<string | number, unknown>;
  const last = path.at(-1) ?? "";
  if (value === undefined) delete at[last];
  else at[last] = value;
}

function base(): Readonly<Record<string, unknown>> {
  const router = { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" };
  const manager = {
    "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    stat_prefix: "in",
    route_config: {
      name: "r",
      virtual_hosts: [{ name: "v", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "c" } }] }],
    },
    http_filters: [{ name: "envoy.filters.http.router", typed_config: router }],
  };
  const address = { socket_address: { address: "127.0.0.1", port_value: 0 } };
  return {
    static_resources: {
      listeners: [{ name: "l", address, filter_chains: [{ filters: [{ name: "hcm", typed_config: manager }] }] }],
      clusters: [
        {
          name: "c",
          connect_timeout: "1s",
          load_assignment: {
            cluster_name: "c",
            endpoints: [
              {
                lb_endpoints: [{ endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: 80 } } } }],
              },
            ],
          },
        },
      ],
    },
  };
}

/** Generated route tables, with the connection manager they stand in. */
import { routeAction } from "./actions.js";
import type { Json } from "./bootstrap.js";
import type { Dice } from "./dice.js";
import { filterConfigs } from "./filters.js";
import { headerMatcher, routeMatch } from "./matches.js";
import { mutations } from "./mutations.js";
import type { Table } from "./rig.js";

/** Domains by virtual host; requests ask for hosts that these match and nearly match. */
const domains: readonly string[] = [
  ..."a.test *.a.test x.y.a.test *.b.test foo-1.b.test foo-* foo-bar* A.test:8080 *-x.a.test [::1]:8080 [::1] api.* www.foo.* a.test. *test".split(
    " ",
  ),
];

/** A table. */
export function table(dice: Dice, name: string): Table {
  const names = shuffled(dice, domains).slice(0, 6);
  const hosts: Json[] = Array.from({ length: 1 + dice.int(3) }, (_, i) => {
    const own = names.splice(0, 1 + dice.int(2));
    return host(dice, `v${i}`, own);
  });
  if (dice.maybe(0.75)) hosts.push(host(dice, "any", ["*"]));
  const routeConfig = {
    name: "table",
    virtual_hosts: hosts,
    ...mutations(dice, 0.3),
    ...dice.field(0.3, () => ({ most_specific_header_mutations_wins: dice.maybe(0.8) })),
    ...dice.field(0.12, () => ({ ignore_port_in_host_matching: true })),
    ...dice.field(0.12, () => ({ ignore_path_parameters_in_path_matching: true })),
    ...dice.field(0.06, () => ({ vhost_header: "x-vhost" })),
    ...dice.field(0.1, () => ({ internal_only_headers: ["x-a"] })),
    ...filterConfigs(dice, 0.1),
  };
  return { name, routeConfig, hcm: connectionManager(dice), filters: ["fault", "rbac"] };
}

function host(dice: Dice, name: string, own: readonly string[]): Json {
  const tree = dice.maybe(0.1);
  const routes = Array.from({ length: 1 + dice.int(tree ? 4 : 8) }, (_, i) => route(dice, `${name}-${i}`));
  return {
    name,
    domains: own,
    metadata: { filter_metadata: { oracle: { vhost: name } } },
    ...(tree ? { matcher: matcherTree(dice, routes) } : { routes: dice.maybe(0.1) ? [...routes, routes[0]] : routes }),
    ...mutations(dice, 0.2),
    ...dice.field(0.08, () => ({ require_tls: dice.pick(["NONE", "EXTERNAL_ONLY", "ALL"]) })),
    ...dice.field(0.3, () => ({ virtual_clusters: virtualClusters(dice) })),
    ...dice.field(0.1, () => ({ include_request_attempt_count: true })),
    ...dice.field(0.1, () => ({ include_attempt_count_in_response: true })),
    ...filterConfigs(dice, 0.15),
  };
}

function route(dice: Dice, name: string): Json {
  const match = routeMatch(dice);
  return {
    ...(dice.maybe(0.95) && { name }),
    match,
    ...routeAction(dice, match),
    metadata: { filter_metadata: { oracle: { tag: `tag-${name}` } } },
    ...mutations(dice, 0.3),
    ...filterConfigs(dice, 0.2, true),
  };
}

function virtualClusters(dice: Dice): readonly Json[] {
  return Array.from({ length: 1 + dice.int(2) }, (_, i) => ({
    name: `vc${i}`,
    headers: [headerMatcher(dice), ...dice.some(1, () => headerMatcher(dice))],
  }));
}

const TREE_INPUT = "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput";
const ROUTE = "type.googleapis.com/envoy.config.route.v3";

/** A matcher tree over one header whose leaves are the routes. */
function matcherTree(dice: Dice, routes: readonly Json[]): Json {
  const input = {
    name: "in",
    typed_config: { "@type": TREE_INPUT, header_name: dice.pick(["x-a", "x-b", ":path", ":method"]) },
  };
  const leaf = (list: readonly Json[]): Json => ({
    action: {
      name: "route",
      typed_config:
        list.length === 1 && dice.maybe(0.5)
          ? { "@type": `${ROUTE}.Route`, ...list[0] }
          : { "@type": `${ROUTE}.RouteList`, routes: list },
    },
  });
  const half = Math.ceil(routes.length / 2);
  const otherwise = dice.field(0.8, () => ({ on_no_match: leaf(routes.slice(0, half)) }));
  const rest = routes.slice(half);
  if (rest.length === 0) return { on_no_match: leaf(routes) };
  if (dice.maybe(0.4)) {
    const matchers = rest.map((one) => ({
      predicate: {
        single_predicate: {
          input,
          value_match: dice.pick([{ prefix: "o" }, { exact: "GET" }, { contains: "a" }, { prefix: "/a" }]),
        },
      },
      on_match: leaf([one]),
    }));
    return { matcher_list: { matchers }, ...otherwise };
  }
  const keys = shuffled(dice, ["one", "two", "o", "GET", "/a", "/", "/api", "/foo"]);
  const map = Object.fromEntries(rest.map((one, i) => [keys[i] as string, leaf([one])]));
  return { matcher_tree: { input, [dice.pick(["exact_match_map", "prefix_match_map"])]: { map } }, ...otherwise };
}

function connectionManager(dice: Dice): Json {
  const slashes = ["KEEP_UNCHANGED", "REJECT_REQUEST", "UNESCAPE_AND_REDIRECT", "UNESCAPE_AND_FORWARD"];
  return {
    ...dice.field(0.35, () => ({ normalize_path: true })),
    ...dice.field(0.25, () => ({ merge_slashes: true })),
    ...dice.field(0.25, () => ({ path_with_escaped_slashes_action: dice.pick(slashes) })),
    ...dice.field(0.15, () => ({ strip_trailing_host_dot: true })),
    ...dice.field(0.15, () => (dice.maybe(0.5) ? { strip_any_host_port: true } : { strip_matching_host_port: true })),
    ...dice.field(0.25, () => ({
      use_remote_address: true,
      ...dice.field(0.3, () => ({ xff_num_trusted_hops: 1 + dice.int(2) })),
      ...dice.field(0.2, () => ({ skip_xff_append: true })),
    })),
    ...dice.field(0.1, () => ({
      server_header_transformation: dice.pick(["OVERWRITE", "APPEND_IF_ABSENT", "PASS_THROUGH"]),
    })),
    ...dice.field(0.1, () => ({ server_name: "weft" })),
    ...dice.field(0.1, () => ({
      local_reply_config: {
        body_format: { text_format_source: { inline_string: "[%LOCAL_REPLY_BODY%] %RESPONSE_CODE%" } },
      },
    })),
  };
}

function shuffled<T>(dice: Dice, list: readonly T[]): T[] {
  const out = [...list];
  for (let i = out.length - 1; i > 0; i--) {
    const j = dice.int(i + 1);
    [out[i], out[j]] = [out[j] as T, out[i] as T];
  }
  return out;
}

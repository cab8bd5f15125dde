/** Generated per-route configuration of filters. */
import type { Json } from "./bootstrap.js";
import type { Dice } from "./dice.js";
import { headerMatcher, stringMatcher } from "./matches.js";

const HTTP = "type.googleapis.com/envoy.extensions.filters.http";
const FILTER_CONFIG = "type.googleapis.com/envoy.config.route.v3.FilterConfig";

/**
 * `typed_per_filter_config` of a level.
 *
 * @param route - Whether it is a route's, which may have faults and rules; whole hosts of them would answer everything.
 */
export function filterConfigs(dice: Dice, probability: number, route = false): Json {
  if (!dice.maybe(probability)) return {};
  const configs: Record<string, Json> = {};
  if (dice.maybe(0.7)) configs["cors"] = cors(dice);
  if (route && dice.maybe(0.25)) configs["fault"] = fault(dice);
  if (route && dice.maybe(0.4)) configs["rbac"] = rbac(dice);
  if (route && dice.maybe(0.1)) configs["rbac"] = { "@type": FILTER_CONFIG, disabled: true };
  return Object.keys(configs).length === 0 ? {} : { typed_per_filter_config: configs };
}

function fault(dice: Dice): Json {
  const percentage = { numerator: dice.maybe(0.8) ? 100 : 0 };
  const abort = dice.maybe(0.6)
    ? { http_status: dice.pick([400, 418, 503]), percentage }
    : { header_abort: {}, percentage };
  return {
    "@type": `${HTTP}.fault.v3.HTTPFault`,
    abort,
    ...dice.field(0.4, () => ({ headers: [headerMatcher(dice)] })),
    ...dice.field(0.2, () => ({ upstream_cluster: dice.pick(["c0", "c1"]) })),
  };
}

function rbac(dice: Dice): Json {
  const policy = (): Json => ({ permissions: [permission(dice, 2)], principals: [principal(dice, 2)] });
  const names = ["a", "b", "c"].slice(0, 1 + dice.int(3));
  return {
    "@type": `${HTTP}.rbac.v3.RBACPerRoute`,
    rbac: {
      rules: {
        action: dice.pick(["ALLOW", "DENY", "DENY", "LOG"]),
        policies: Object.fromEntries(names.map((name) => [name, policy()])),
      },
    },
  };
}

function permission(dice: Dice, depth: number): Json {
  switch (dice.int(depth > 0 ? 9 : 6)) {
    case 0:
      return { any: true };
    case 1:
    case 2:
      return { header: headerMatcher(dice) };
    case 3:
      return { url_path: { path: stringMatcher(dice) } };
    case 4:
      return { destination_ip: { address_prefix: "127.0.0.0", prefix_len: dice.pick([8, 32]) } };
    case 5:
      return { requested_server_name: stringMatcher(dice) };
    case 6:
      return { not_rule: permission(dice, depth - 1) };
    case 7:
      return { and_rules: { rules: [permission(dice, depth - 1), permission(dice, depth - 1)] } };
    default:
      return { or_rules: { rules: [permission(dice, depth - 1), permission(dice, depth - 1)] } };
  }
}

function principal(dice: Dice, depth: number): Json {
  const address = { address_prefix: dice.pick(["127.0.0.1", "10.0.0.0", "1.2.3.4"]), prefix_len: dice.pick([8, 32]) };
  switch (dice.int(depth > 0 ? 10 : 7)) {
    case 0:
      return { any: true };
    case 1:
      return { authenticated: {} };
    case 2:
      return { header: headerMatcher(dice) };
    case 3:
      return { url_path: { path: stringMatcher(dice) } };
    case 4:
      return { direct_remote_ip: address };
    case 5:
      return { remote_ip: address };
    case 6:
      return {
        metadata: { filter: "ns", path: [{ key: "k" }], value: { present_match: true }, invert: dice.maybe(0.5) },
      };
    case 7:
      return { not_id: principal(dice, depth - 1) };
    case 8:
      return { and_ids: { ids: [principal(dice, depth - 1), principal(dice, depth - 1)] } };
    default:
      return { or_ids: { ids: [principal(dice, depth - 1), principal(dice, depth - 1)] } };
  }
}

function cors(dice: Dice): Json {
  return {
    "@type": `${HTTP}.cors.v3.CorsPolicy`,
    allow_origin_string_match: [
      dice.pick<Json>([
        { exact: "*" },
        { suffix: "test", ignore_case: true },
        { exact: "http://o.test" },
        stringMatcher(dice),
      ]),
    ],
    ...dice.field(0.6, () => ({ allow_methods: dice.pick(["GET,POST", "*"]) })),
    ...dice.field(0.6, () => ({ allow_headers: dice.pick(["x-a,x-b", "*"]) })),
    ...dice.field(0.4, () => ({ expose_headers: "x-up" })),
    ...dice.field(0.4, () => ({ max_age: "600" })),
    ...dice.field(0.4, () => ({ allow_credentials: dice.maybe(0.8) })),
    ...dice.field(0.2, () => ({ allow_private_network_access: true })),
    ...dice.field(0.2, () => ({ forward_not_matching_preflights: dice.maybe(0.5) })),
  };
}

/** Generated actions of routes. */
import { clusterNames, type Json } from "./bootstrap.js";
import type { Dice } from "./dice.js";
import { mutations } from "./mutations.js";

const REWRITE = "type.googleapis.com/envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig";
const PREDICATE = "type.googleapis.com/envoy.extensions.internal_redirect";

/** Whatever the route's path test, an action that Envoy loads with it. */
export function routeAction(dice: Dice, match: Json): Json {
  const kind = dice.int(20);
  if (kind < 12) return { route: forward(dice, match) };
  if (kind < 16) return { redirect: redirect(dice, match) };
  if (kind < 19) return { direct_response: direct(dice) };
  return { route: forward(dice, match) };
}

function forward(dice: Dice, match: Json): Json {
  return {
    ...cluster(dice),
    ...dice.field(0.5, () => pathRewrite(dice, match)),
    ...dice.field(0.4, () => hostRewrite(dice)),
    ...dice.field(0.15, () => ({ append_x_forwarded_host: dice.maybe(0.8) })),
    ...dice.field(0.15, () => ({ timeout: dice.pick(["0s", "30s", "20.250s", "21.000000001s"]) })),
    ...dice.field(0.05, () => ({ max_stream_duration: { max_stream_duration: dice.pick(["50s", "0s"]) } })),
    ...dice.field(0.15, () => ({
      cluster_not_found_response_code: dice.pick(["SERVICE_UNAVAILABLE", "NOT_FOUND", "INTERNAL_SERVER_ERROR"]),
    })),
    ...dice.field(0.2, () => ({ internal_redirect_policy: internalRedirect(dice) })),
    ...dice.field(0.1, () => ({ hash_policy: [{ header: { header_name: "x-a" } }] })),
  };
}

function cluster(dice: Dice): Json {
  const kind = dice.int(10);
  if (kind < 6) return { cluster: dice.pick(clusterNames) };
  if (kind < 8) return { cluster_header: dice.pick(["x-cluster", "x-cluster", "X-Cluster", ":authority", "x-none"]) };
  const entries = Array.from({ length: 1 + dice.int(3) }, () => ({
    ...(dice.maybe(0.8) ? { name: dice.pick(clusterNames) } : { cluster_header: "x-cluster" }),
    weight: dice.pick([1, 30, 100, 0]),
    ...mutations(dice, 0.3),
    ...dice.field(0.2, () => ({ host_rewrite_literal: "w.test" })),
  }));
  if (entries.every(({ weight }) => weight === 0)) (entries[0] as { weight: number }).weight = 1;
  return { weighted_clusters: { clusters: entries, header_name: "x-pick" } };
}

function pathRewrite(dice: Dice, match: Json): Json {
  const template = (match["path_match_policy"] as { typed_config?: { path_template?: string } } | undefined)
    ?.typed_config;
  if (template !== undefined && dice.maybe(0.6)) {
    const names = [...(template.path_template ?? "").matchAll(/\{(\w+)/g)].map(([, name]) => `{${name}}`);
    const rewrite = names.length === 0 ? "/fixed" : `/t/${names.toReversed().join(dice.pick(["/", "-", "/u-"]))}`;
    const typed_config = { "@type": REWRITE, path_template_rewrite: rewrite };
    return { path_rewrite_policy: { name: "template", typed_config } };
  }
  const kind = dice.int(5);
  if (kind < 2 && template === undefined)
    return { prefix_rewrite: dice.pick(["/", "/new", "/new/", "", "/n?x", "no-slash", "/%20", "//"]) };
  if (kind < 4) return { regex_rewrite: substitution(dice) };
  return {
    path_rewrite: dice.pick([
      "/fixed",
      "%PATH(NQ)%/x",
      "%REQ(x-none)%",
      "/p%REQ(x-a)%",
      "/%QUERY_PARAM(q)%",
      "/%REQ(:method)%",
    ]),
  };
}

function substitution(dice: Dice): Json {
  return {
    pattern: {
      regex: dice.pick([
        ..."^/([^/]*).* /(.)(.*) [0-9]+ zzz .* a* /+ (a|b) ^/api \\b () (?i)[A-Z] /(?P<x>\\w+) [^/]+$ ^.{0,3} x*?".split(
          " ",
        ),
      ]),
    },
    substitution: dice.pick(["\\1", "/\\2/\\1", "[\\0]", "/Z", "", "x", "/\\\\", "\\9", "/\\1-\\2"]),
  };
}

function hostRewrite(dice: Dice): Json {
  switch (dice.int(4)) {
    case 0:
      return { host_rewrite_literal: dice.pick(["lit.test", "LIT.test:81", "[::1]:8"]) };
    case 1:
      return { host_rewrite_header: dice.pick(["x-b", "x-none", "x-new", ":authority", "X-A"]) };
    case 2:
      return {
        host_rewrite_path_regex: {
          pattern: { regex: dice.pick(["^/([^/]*).*", "^/(.).*$", "/", "zzz", "(a|b)"]) },
          substitution: dice.pick(["\\1.host", "h", "\\0", "-"]),
        },
      };
    default:
      return {
        host_rewrite: dice.pick([
          "%REQ(:authority)%.up",
          "h-%REQ(x-a)%",
          "%REQ(x-none)%",
          "a%REQ(x-none)%b",
          "%PATH(NQ)%",
        ]),
      };
  }
}

function redirect(dice: Dice, match: Json): Json {
  const path = dice.int(6);
  const template = match["path_match_policy"] !== undefined;
  const rewrite = (): Json =>
    dice.maybe(0.5) && !template
      ? { prefix_rewrite: dice.pick(["/new", "/", "n", "/n?x"]) }
      : { regex_rewrite: substitution(dice) };
  return {
    ...dice.field(0.3, () =>
      dice.maybe(0.5) ? { https_redirect: dice.maybe(0.9) } : { scheme_redirect: dice.pick(["https", "http", "ftp"]) },
    ),
    ...dice.field(0.3, () => ({
      host_redirect: dice.pick(["other.test", "other.test:81", "[::1]", "[::1]:80", "OTHER"]),
    })),
    ...dice.field(0.3, () => ({ port_redirect: dice.pick([80, 443, 8443, 70_000]) })),
    ...(path < 2
      ? { path_redirect: dice.pick(["/moved", "moved", "/moved?z=1", "/m#f", "/m?"]) }
      : path < 4
        ? rewrite()
        : {}),
    ...dice.field(0.3, () => ({ strip_query: dice.maybe(0.8) })),
    ...dice.field(0.5, () => ({
      response_code: dice.pick(["MOVED_PERMANENTLY", "FOUND", "SEE_OTHER", "TEMPORARY_REDIRECT", "PERMANENT_REDIRECT"]),
    })),
  };
}

function direct(dice: Dice): Json {
  const body = dice.pick([
    undefined,
    { inline_string: "hello" },
    { inline_string: "" },
    { inline_bytes: "AP//" },
    { environment_variable: "HOME" },
  ]);
  const text_format_source = {
    inline_string: dice.pick(["<%LOCAL_REPLY_BODY%> %RESPONSE_CODE%", "%REQ(x-a)%|%REQ(x-none)%", "%ROUTE_NAME%"]),
  };
  return {
    status: dice.pick([200, 201, 204, 301, 302, 304, 404, 418, 429, 503, 599]),
    ...(body && { body }),
    ...dice.field(0.15, () => ({
      body_format: { text_format_source, ...dice.field(0.4, () => ({ content_type: "text/x" })) },
    })),
  };
}

function internalRedirect(dice: Dice): Json {
  const predicates = dice.some(1, () => ({
    name: "one",
    typed_config: { "@type": `${PREDICATE}.safe_cross_scheme.v3.SafeCrossSchemeConfig` },
  }));
  return {
    ...dice.field(0.5, () => ({ max_internal_redirects: dice.int(4) })),
    ...dice.field(0.5, () => ({ redirect_response_codes: dice.pick([[302], [301, 302, 303, 307, 308], [303, 200]]) })),
    ...dice.field(0.5, () => ({ allow_cross_scheme_redirect: dice.maybe(0.7) })),
    ...dice.field(0.3, () => ({ response_headers_to_copy: dice.pick([["x-up"], ["x-dup", "x-none"], ["x-a"]]) })),
    ...(predicates.length > 0 && { predicates }),
  };
}

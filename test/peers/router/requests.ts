/** Generated requests: about half are made for a route of the table, the rest out of the same words. */
import type { Request } from "../../conformance/router-answer.js";
import type { Json } from "./bootstrap.js";
import type { Dice } from "./dice.js";
import { cookieNames, headerNames, paths, queryNames, words } from "./matches.js";
import type { Table } from "./rig.js";

type Pair = [string, string];

/** A request to a table; `id` tells it apart. */
export function request(dice: Dice, { routeConfig }: Table, id: string): Request {
  const hosts = routeConfig["virtual_hosts"] as readonly Json[];
  const host = dice.pick(hosts);
  const routes = (host["routes"] as readonly Json[] | undefined) ?? [];
  const match = routes.length > 0 && dice.maybe(0.6) ? (dice.pick(routes)["match"] as Json) : {};
  const authority = authorityOf(dice, dice.pick(host["domains"] as readonly string[]));
  const connect = match["connect_matcher"] !== undefined && dice.maybe(0.8);
  const method = connect ? "CONNECT" : dice.maybe(0.7) ? "GET" : dice.pick(["POST", "HEAD", "OPTIONS", "PUT", "BREW"]);
  const path = pathOf(dice, match) + queryOf(dice, match);
  const headers: Pair[] = dice.maybe(0.98) ? [["host", authority]] : [];
  for (const one of (match["headers"] as readonly Json[] | undefined) ?? []) {
    if (dice.maybe(0.85)) headers.push(...headerFor(dice, one));
  }
  for (const one of (match["cookies"] as readonly Json[] | undefined) ?? []) {
    if (dice.maybe(0.85)) headers.push(["cookie", `${one["name"]}=${valueFor(dice, one["string_match"] as Json)}`]);
  }
  if (match["grpc"] !== undefined) headers.push(["content-type", "application/grpc+proto"]);
  headers.push(...dice.some(3, () => anyHeader(dice)));
  const hops = dice.maybe(0.15);
  // Each hop of a redirect draws anew: there the header decides.
  if (hops || dice.maybe(0.3))
    headers.push(["x-pick", dice.pick(["0", "1", "29", "30", "130", "18446744073709551615"])]);
  if (dice.maybe(0.5)) headers.push(["x-cluster", dice.pick(["c0", "c3", "none", ""])]);
  if (dice.maybe(0.15)) headers.push(...origin(dice));
  if (hops) headers.push(["x-answer", upstreamRedirect(dice)]);
  const body = method === "POST" && dice.maybe(0.4) ? { body: "body" } : {};
  return { method, path: connect ? `${authority}` : path, headers: [...headers, ["x-case", id]], ...body };
}

function authorityOf(dice: Dice, domain: string): string {
  const filled =
    domain === "*"
      ? dice.pick(["a.test", "other", "foo-1.b.test", "127.0.0.1:80"])
      : domain.replace("*", dice.pick(["x", "foo-8", "x.y", ""]));
  const cased = dice.maybe(0.1) ? filled.toUpperCase() : filled;
  return cased + dice.pick(["", "", "", "", "", ":8080", ":80", ":443", "."]);
}

/** Text that a pattern or template may match: its operators replaced by what they stand for. */
function exampleOf(dice: Dice, pattern: string): string {
  const example = pattern
    .replaceAll(/\(\?[a-zA-Z]*\)|\\[AzQE]|\(\?P<\w+>|\(\?:|[()^$]/g, "")
    .replaceAll(/\[\^?[^\]]*\]+|\\[wCx][0-9a-f]{0,2}|\\pL/g, "a")
    .replaceAll("\\d", "7")
    .replaceAll(/\{[\d,]*\}/g, "aa")
    .replaceAll(/\{\w+(=[^}]*)?\}|\*\*/g, "api/v1")
    .replaceAll(/\.?[*+?]+/g, dice.pick(["", "a", "b/7"]))
    .replaceAll("\\", "");
  return dice.pick(example.split("|"));
}

function pathOf(dice: Dice, match: Json): string {
  const template = (match["path_match_policy"] as { typed_config?: { path_template?: string } } | undefined)
    ?.typed_config;
  const regex = (match["safe_regex"] as { regex?: string } | undefined)?.regex;
  const text = match["prefix"] ?? match["path"] ?? match["path_separated_prefix"];
  let path = dice.pick(paths);
  if (typeof text === "string") path = text;
  else if (regex !== undefined) path = exampleOf(dice, regex);
  else if (template?.path_template !== undefined) path = exampleOf(dice, template.path_template);
  if (dice.maybe(0.35))
    path += dice.pick([
      "x",
      "/",
      "/x",
      "/users/7",
      ";p=1",
      ";p=1/b",
      "/../b",
      "/./b",
      "//b",
      "%2Fb",
      "%5cb",
      "/%2e%2E/c",
      ".m3u8",
      "%00",
      "/a b".slice(0, 2),
    ]);
  if (dice.maybe(0.1)) path = path.toUpperCase();
  if (dice.maybe(0.06)) path += dice.text("abAB/.%;:@!$&'()*+,=-_~|^`{}\"<>[]\\09", 8);
  if (dice.maybe(0.01)) return dice.pick(["*", "", "http://a.test/foo?x=1", "https://A.TEST:8080", "a/b", "http://"]);
  return path.startsWith("/") ? path : `/${path}`;
}

function queryOf(dice: Dice, match: Json): string {
  const wanted = ((match["query_parameters"] as readonly Json[] | undefined) ?? []).map(
    (one) => `${one["name"]}=${valueFor(dice, one["string_match"] as Json | undefined)}`,
  );
  const more = dice.maybe(0.3)
    ? dice.some(
        3,
        () => dice.pick(queryNames) + dice.pick(["", "=", `=${escaped(dice.pick(words))}`, "=a%20b", "=x=y"]),
      )
    : [];
  const text = [...wanted.map(escaped), ...more].join("&");
  return text === "" ? dice.pick(["", "", "", "?"]) : `?${text}${dice.maybe(0.04) ? "?z" : ""}`;
}

const escaped = (text: string): string => text.replaceAll(" ", "%20").replaceAll("\xe9", "e");

function headerFor(dice: Dice, matcher: Json): Pair[] {
  const name = matcher["name"] as string;
  if (name.startsWith(":") || name === "host" || (matcher["present_match"] === false && dice.maybe(0.8))) return [];
  const range = matcher["range_match"] as { start: number; end: number } | undefined;
  if (range !== undefined) return [[name, String(range.start - 1 + dice.int(range.end - range.start + 3))]];
  const old = ["exact_match", "prefix_match", "suffix_match", "contains_match"]
    .map((key) => matcher[key])
    .find(Boolean);
  const value =
    typeof old === "string"
      ? around(dice, old)
      : valueFor(dice, (matcher["string_match"] ?? { safe_regex: matcher["safe_regex_match"] }) as Json);
  const pair: Pair = [name, value];
  return dice.maybe(0.1) ? [[name, dice.pick(words)], pair] : [pair];
}

/** A value that a StringMatcher takes, or nearly. */
function valueFor(dice: Dice, matcher: Json | undefined): string {
  if (dice.maybe(0.15) || matcher === undefined) return dice.pick(words);
  const { exact, prefix, suffix, contains, safe_regex } = matcher as Record<string, string>;
  const regex = (safe_regex as unknown as { regex?: string } | undefined)?.regex;
  if (typeof exact === "string") return exact;
  if (regex !== undefined) return exampleOf(dice, regex);
  return around(dice, prefix ?? suffix ?? contains ?? "");
}

const around = (dice: Dice, text: string): string => dice.pick(["", "x", "12"]) + text + dice.pick(["", "", "x"]);

function anyHeader(dice: Dice): Pair {
  switch (dice.int(8)) {
    case 0:
      return [
        "cookie",
        dice
          .some(3, () => `${dice.pick(cookieNames)}${dice.pick(["=one", '="two"', "", "=", " = o", "=a=b"])}`)
          .join("; "),
      ];
    case 1:
      return [
        "content-type",
        dice.pick([
          "application/grpc",
          "application/grpc+x",
          "application/grpc-web",
          "text/html",
          "application/grpc;x",
        ]),
      ];
    case 2:
      return ["x-forwarded-proto", dice.pick(["http", "https", "HTTPS", "ws", ""])];
    case 3:
      return dice.pick<Pair>([
        ["x-forwarded-for", dice.pick(["10.0.0.1", "8.8.8.8, 10.0.0.1", "1.2.3.4", "::1", "x", "1.2.3.4,, 5.6.7.8 "])],
        ["x-envoy-internal", "true"],
        ["x-forwarded-host", dice.pick(["a.test", "p.test"])],
        ["x-envoy-upstream-rq-timeout-ms", dice.pick(["0", "50000", "x", "9999999"])],
        ["x-envoy-original-path", "/o"],
        ["x-vhost", dice.pick(["a.test", "x.b.test", "zz"])],
        ["x-dup", "1"],
        ["te", "trailers"],
        ["x-envoy-fault-abort-request", dice.pick(["418", "200", "x", "600"])],
        ["x-envoy-expected-rq-timeout-ms", "7"],
      ]);
    default: {
      const name = dice.pick(
        headerNames.filter((each) => !each.startsWith(":") && each !== "host" && each !== "x-none"),
      );
      return [name, dice.pick(words)];
    }
  }
}

function origin(dice: Dice): Pair[] {
  const pairs: Pair[] = [
    ["origin", dice.pick(["http://o.test", "https://evil.example", "http://p.TEST", "*", "", "null"])],
  ];
  if (dice.maybe(0.6)) pairs.push(["access-control-request-method", dice.pick(["PUT", "GET", ""])]);
  if (dice.maybe(0.3)) pairs.push(["access-control-request-headers", "x-a"]);
  if (dice.maybe(0.2)) pairs.push(["access-control-request-private-network", "true"]);
  return pairs;
}

function upstreamRedirect(dice: Dice): string {
  const target = dice.pick([
    ..."http://a.test/foo http://foo-1.b.test/api/v1?x=1#f https://a.test/b /a/b //a.test/c foo http://a.test ftp://a.test/ http://other:80/a%20b".split(
      " ",
    ),
  ]);
  return `${dice.pick([302, 302, 301, 303, 307, 308])} ${target}${dice.maybe(0.3) ? " always" : ""}`;
}

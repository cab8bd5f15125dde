/** Generated tests of a request: paths, header fields, query parameters, cookies. */
import type { Json } from "./bootstrap.js";
import type { Dice } from "./dice.js";

export const paths: readonly string[] = [
  ..."/ /a /b /api /API/v1 /api/v1 /api/v1/users /api/v1/users/7 /foo /foo/ /foo/bar /FOO /a;p=1/b /a/b /a/b/ /b/a".split(
    " ",
  ),
  ..."/x/y.m3u8 /files/a.b/c /%C3%A9 /a%2Fb /a%2fb/c /a//b //a /./a/../b /a/./b /a\\b /%41 /v2/items/42 /xxx /a.b /a$b /~".split(
    " ",
  ),
];
export const words: readonly string[] = [
  ..."one two one,two ONE on o 12 -3 +5 007 1e3 99 100 9223372036854775807 9223372036854775808 GET /a http a.test".split(
    " ",
  ),
  "",
  "a b",
  "x-y_z",
  "\xe9",
];
const regexes: readonly string[] = [
  ...".* /a|/b /a/? /a.b /api/.* /api/v[0-9]+(/.*)? (?i)/API.* .*\\.m3u8 /\\w+/\\d{1,3} /(api|v1)/\\d+ /[[:alpha:]]+\\z".split(
    " ",
  ),
  ..."^/api$ /(?P<n>[a-z]+)/b (/[^/]*)* /\\Qa.b\\E /x{2,3} (?s)/.+ /\\pL+ [/]a+? /%C3%A9 (a|/)+b? /.*(?:b|\\d)$ \\C+ /[^a]*".split(
    " ",
  ),
  ..."(?U)/a+.* /(a|ab)(c|bcd)?.* /\\x61.* \\A/foo\\b.* /foo\\B.* .*/ .{3} .{2,9}".split(" "),
];
const textRegexes: readonly string[] = [
  "one|two",
  "o.*",
  "\\d+",
  "-?\\d+",
  ".*",
  "[^,]*",
  "(?i)ONE",
  ".+",
  "one,.*",
  "",
  "a b",
  ".",
  "..",
];
const templates: readonly string[] = [
  ..."/** /* /{a}/{b} /api/{v}/** /api/v1/{id=*} /{a=api/*}/{b=**} /files/** /**.m3u8 /{x}/b /a/*/c /{a}/{b}/{c} /foo/{n}.ts".split(
    " ",
  ),
];
export const headerNames: readonly string[] = [
  ..."x-a x-b X-Num cookie content-type user-agent :method :path :authority host :scheme x-forwarded-proto x-none".split(
    " ",
  ),
];
export const queryNames: readonly string[] = ["q", "id", "Q", "flag", "a%20b", ""];
export const cookieNames: readonly string[] = ["sid", "SID", "theme"];

const TEMPLATE = "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig";

/** A path specifier. */
export function pathSpecifier(dice: Dice): Json {
  const fold = dice.field(0.2, () => ({ case_sensitive: dice.maybe(0.3) }));
  switch (dice.int(12)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return { prefix: dice.pick([...paths, "/", "/", ""]), ...fold };
    case 4:
    case 5:
      return { path: dice.pick(paths), ...fold };
    case 6:
    case 7:
      return { path_separated_prefix: dice.pick(paths.filter((path) => /^[^?#]+[^?#/]$/.test(path))), ...fold };
    case 8:
    case 9:
      return { safe_regex: { regex: dice.pick(regexes) }, ...fold };
    case 10:
      return dice.maybe(0.2) ? { connect_matcher: {} } : { prefix: "/" };
    default:
      return {
        path_match_policy: {
          name: "template",
          typed_config: { "@type": TEMPLATE, path_template: dice.pick(templates) },
        },
      };
  }
}

/** A StringMatcher. */
export function stringMatcher(dice: Dice): Json {
  const word = dice.pick(words);
  const full = word === "" ? "o" : word;
  const fold = dice.field(0.3, () => ({ ignore_case: dice.maybe(0.7) }));
  switch (dice.int(5)) {
    case 0:
      return { exact: word, ...fold };
    case 1:
      return { prefix: full.slice(0, 1 + dice.int(3)), ...fold };
    case 2:
      return { suffix: full.slice(-1 - dice.int(3)), ...fold };
    case 3:
      return { contains: full.slice(dice.int(full.length)), ...fold };
    default:
      return { safe_regex: { regex: dice.pick(textRegexes) } };
  }
}

/** A HeaderMatcher. */
export function headerMatcher(dice: Dice): Json {
  const rest = {
    ...dice.field(0.25, () => ({ invert_match: dice.maybe(0.8) })),
    ...dice.field(0.2, () => ({ treat_missing_header_as_empty: dice.maybe(0.8) })),
  };
  const name = dice.pick(headerNames);
  const word = dice.pick(words.filter((each) => each !== ""));
  switch (dice.int(11)) {
    case 0:
      return { name, ...rest };
    case 1:
    case 2:
      return { name, present_match: dice.maybe(0.6), ...rest };
    case 3: {
      const start = dice.int(120) - 10;
      return { name, range_match: { start, end: start + 1 + dice.int(100) }, ...rest };
    }
    case 4:
      return { name, [dice.pick(["exact_match", "prefix_match", "suffix_match", "contains_match"])]: word, ...rest };
    case 5:
      return { name, safe_regex_match: { regex: dice.pick(textRegexes) }, ...rest };
    default:
      return { name, string_match: stringMatcher(dice), ...rest };
  }
}

function queryMatcher(dice: Dice): Json {
  const name = dice.pick(queryNames.filter((each) => each !== ""));
  if (dice.maybe(0.15)) return { name };
  return dice.maybe(0.3) ? { name, present_match: dice.maybe(0.6) } : { name, string_match: stringMatcher(dice) };
}

function cookieMatcher(dice: Dice): Json {
  return {
    name: dice.pick(cookieNames),
    string_match: stringMatcher(dice),
    ...dice.field(0.3, () => ({ invert_match: dice.maybe(0.8) })),
  };
}

/** Never by halves: Envoy's random value cannot be set. */
function fraction(dice: Dice): Json {
  const key = dice.pick(["rt.on", "rt.off", "rt.big", "rt.fraction", "rt.text", "rt.digits", "rt.none", ""]);
  const denominator = dice.pick(["HUNDRED", "TEN_THOUSAND", "MILLION"]);
  const whole = { HUNDRED: 100, TEN_THOUSAND: 10_000, MILLION: 1_000_000 }[denominator] as number;
  // An integer in the runtime counts in hundredths, whatever the default's denominator.
  return {
    default_value: { numerator: dice.maybe(0.7) ? whole : 0, denominator },
    ...(key === "" ? {} : { runtime_key: key }),
  };
}

/** A RouteMatch. */
export function routeMatch(dice: Dice): Json {
  const headers = dice.maybe(0.35) ? dice.some(2, () => headerMatcher(dice)) : [];
  const query = dice.maybe(0.2) ? [queryMatcher(dice)] : [];
  const cookies = dice.maybe(0.1) ? [cookieMatcher(dice)] : [];
  return {
    ...pathSpecifier(dice),
    ...(headers.length > 0 && { headers }),
    ...(query.length > 0 && { query_parameters: query }),
    ...(cookies.length > 0 && { cookies }),
    ...dice.field(0.08, () => ({ runtime_fraction: fraction(dice) })),
    ...dice.field(0.04, () => ({ grpc: {} })),
    ...dice.field(0.03, () => ({
      tls_context: dice.pick([{ presented: false }, { presented: true }, { validated: false }]),
    })),
    ...dice.field(0.03, () => ({
      dynamic_metadata: [
        { filter: "ns", path: [{ key: "k" }], value: { present_match: true }, invert: dice.maybe(0.6) },
      ],
    })),
    ...dice.field(0.02, () => ({ filter_state: [{ key: "k", string_match: stringMatcher(dice) }] })),
  };
}

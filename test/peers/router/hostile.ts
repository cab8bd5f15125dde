/** Requests that no honest client sends: what Envoy makes of them is what we make of them. */
import type { Request } from "../../conformance/router-answer.js";
import type { Json } from "./bootstrap.js";
import { type Comparison, compareAnswers, compareVerdict } from "./ours.js";
import { startRig, type Table } from "./rig.js";

type Pair = readonly [string, string];

const many = 9_000;
const catastrophic: readonly string[] = [
  "/(a+)+",
  "/(a|a)*b",
  "/(a|aa)+",
  "/([a-z]+)*[0-9]",
  "/(x+x+)+y",
  "/(.*)(.*)(.*)z",
];

function table(): Table {
  const routes: Json[] = [
    ...catastrophic.map((regex, i) => ({ name: `r${i}`, match: { safe_regex: { regex } }, route: { cluster: "c0" } })),
    headerRoute("proto", { name: "__proto__", string_match: { exact: "x" } }),
    headerRoute("last", { name: `x-${many - 1}`, string_match: { exact: "v" } }),
    headerRoute("byte", { name: "x-bytes", string_match: { safe_regex: { regex: "..\\xff" } } }),
    headerRoute("utf8", { name: "x-bytes", string_match: { contains: "\u00e9" } }),
    {
      name: "query",
      match: { prefix: "/", query_parameters: [{ name: `q${many}`, string_match: { exact: "v" } }] },
      route: { cluster: "c1" },
    },
    {
      name: "protoquery",
      match: { prefix: "/", query_parameters: [{ name: "__proto__", present_match: true }] },
      route: { cluster: "c1" },
    },
    {
      name: "cookie",
      match: { prefix: "/", cookies: [{ name: "__proto__", string_match: { exact: "1" } }] },
      route: { cluster: "c1" },
    },
    {
      name: "rest",
      match: { prefix: "/" },
      route: { cluster: "c2", regex_rewrite: { pattern: { regex: "(a+)+" }, substitution: "<\\1>" } },
      request_headers_to_add: [
        { header: { key: "x-copy", value: "%REQ(x-bytes)%%QUERY_PARAM(__proto__)%%REQ(constructor)%" } },
      ],
    },
  ];
  return {
    name: "hostile",
    routeConfig: { name: "hostile", virtual_hosts: [{ name: "v", domains: ["h", "*.h"], routes }] },
    hcm: { max_request_headers_kb: 8192, common_http_protocol_options: { max_headers_count: 20_000 } },
    filters: [],
  };
}

function headerRoute(name: string, header: Json): Json {
  return { name, match: { prefix: "/", headers: [header] }, route: { cluster: "c0" } };
}

function requests(): readonly Request[] {
  const get = (path: string, headers: readonly Pair[] = [], authority = "h"): Request => ({
    method: "GET",
    path,
    headers: [["host", authority], ...headers],
  });
  const bytes = Array.from({ length: 128 }, (_, i) => String.fromCharCode(128 + i));
  const long = "a".repeat(100_000);
  return [
    ...["b", "!", "0", "z", "y", ""].flatMap((end) => [get(`/${long}${end}`), get(`/${"x".repeat(100_000)}${end}`)]),
    get(
      "/",
      Array.from({ length: many }, (_, i): Pair => [`x-${i}`, "v"]),
    ),
    get(
      "/",
      Array.from({ length: many }, (): Pair => ["x-same", "v"]),
    ),
    get(`/?${Array.from({ length: many + 1 }, (_, i) => `q${i}=v`).join("&")}`),
    get(`/?${"&".repeat(50_000)}q${many}=v`),
    get("/", [["__proto__", "x"]]),
    get("/", [
      ["__proto__", "y"],
      ["constructor", "c"],
      ["toString", "t"],
    ]),
    get("/?__proto__=1&constructor=2"),
    get("/?constructor=2"),
    get("/", [["cookie", "__proto__=1"]]),
    get("/", [["cookie", "constructor=1; toString=2"]]),
    get("/", [["x-bytes", bytes.join("")]]),
    ...["\x80", "\xff", "ab\xff", "\xc3\xa9", "\xed\xa0\x80", "\xf0\x9f\x98\x80"].map((value) =>
      get("/", [["x-bytes", value]]),
    ),
    ...["\0", "a\0b", "\x01", "\x7f", "\t"].map((value) => get("/", [["x-bytes", value]])),
    ...["/\x80", "/\0", "/%00", "/%ED%A0%80", "/\x7f", "/a\tb"].map((path) => get(path)),
    ...["\xff.h", "%00.h", "__proto__", "constructor", `${"a.".repeat(30_000)}h`, ".h"].map((host) =>
      get("/", [], host),
    ),
    get("/", [["cookie", `${"a=1; ".repeat(10_000)}__proto__=1`]]),
    get(`/${"%61".repeat(20_000)}`),
    get(`/${"../".repeat(20_000)}`),
  ];
}

/** Asks both. */
export async function compareHostile(): Promise<readonly Comparison[]> {
  const one = table();
  await using rig = await startRig([one]);
  const verdict = compareVerdict(one, rig.refused.get(one.name));
  if ("outcome" in verdict) return [verdict];
  const asked = requests().map(
    (request, i): Request => ({ ...request, headers: [...request.headers, ["x-case", `h${i}`]] }),
  );
  return compareAnswers(one, verdict, asked, await rig.ask(one.name, asked)).map((each) => ({
    ...each,
    title: each.title.slice(0, 300),
  }));
}

/** What must not hurt: patterns that blow up elsewhere, sizes that nobody sends, names that are JavaScript's own, many updates. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { compileRoutes, createRequest, fixedRandom, type RequestInit, type RouteTable } from "@weftmesh/router";
import type { Route } from "@weftmesh/xds-types/envoy/config/route/v3";
import { describe, expect, test } from "vitest";

const context = { random: fixedRandom(0), now: 0 };

function tableOf(routes: readonly Route[]): RouteTable {
  return compileRoutes({ virtualHosts: [{ name: "v", domains: ["*"], routes }] });
}

function clusterOf(table: RouteTable, init: RequestInit): string | undefined {
  const decision = table.route(createRequest({ authority: "h", ...init }), context);
  return decision.kind === "forward" ? decision.cluster : undefined;
}

const to = (cluster: string, match: Route["match"]): Route => ({ match: match ?? {}, route: { cluster } });

/** CPU time of a call in microseconds: the least of some, as others use the machine too. */
function cost(work: () => unknown): number {
  const times = Array.from({ length: 5 }, () => {
    const before = process.cpuUsage();
    work();
    const used = process.cpuUsage(before);
    return used.user + used.system;
  });
  return Math.max(1, Math.min(...times));
}

describe("a pattern that backtracking engines take forever for", () => {
  test.each([
    ["(a+)+", "a", "b"],
    ["(a|a)*b", "a", "c"],
    ["(a|aa)+", "a", "!"],
    ["([a-z]+)*[0-9]", "q", "!"],
    ["(x+x+)+y", "x", "z"],
    ["(.*)(.*)(.*)(.*)z", "a", "y"],
    ["(a*)*(a*)*b", "a", "c"],
    ["a{0,9}a{0,9}a{0,9}b", "a", "c"],
  ])("%s costs four times as much for four times the text", (regex, letter, end) => {
    const table = tableOf([to("hit", { safeRegex: { regex: `/${regex}` } })]);
    const run = (length: number) => {
      const request = createRequest({ authority: "h", path: `/${letter.repeat(length)}${end}` });
      return () => expect(table.route(request, context).kind).toBe("no-route");
    };
    run(100_000)();
    const ratio = cost(run(400_000)) / cost(run(100_000));
    // Quadratic would be 16; the rest is for clock ticks and neighbours.
    expect(ratio).toBeLessThan(10);
  });

  test("a hundred of them together stay linear as well", () => {
    const routes = Array.from({ length: 100 }, (_, i) => to(`c${i}`, { safeRegex: { regex: `.*(a+)+(b|a)*x${i}` } }));
    const table = tableOf(routes);
    const run = (length: number) => () => clusterOf(table, { path: `/${"a".repeat(length)}!` });
    run(10_000)();
    expect(cost(run(40_000)) / cost(run(10_000))).toBeLessThan(10);
  });
});

// The live comparison asks a real Envoy the same.
describe("a request that no honest client sends", () => {
  const count = 10_000;
  const names = Array.from({ length: count }, (_, i) => i);

  test("of 10,000 fields is decided by the last", () => {
    const table = tableOf([
      to("last", { prefix: "/", headers: [{ name: `x-${count - 1}`, stringMatch: { exact: "v" } }] }),
    ]);
    expect(clusterOf(table, { headers: names.map((i) => [`x-${i}`, "v"] as const) })).toBe("last");
    expect(clusterOf(table, { headers: names.map(() => ["x-same", "v"] as const) })).toBeUndefined();
  });

  test("of 10,000 query parameters is decided by the last", () => {
    const table = tableOf([
      to("last", { prefix: "/", queryParameters: [{ name: `q${count - 1}`, presentMatch: true }] }),
    ]);
    expect(clusterOf(table, { path: `/?${names.map((i) => `q${i}=v`).join("&")}` })).toBe("last");
    expect(clusterOf(table, { path: `/?${"&".repeat(100_000)}` })).toBeUndefined();
  });

  test("with a path of 100 kB matches by its beginning and its end", () => {
    const long = "x".repeat(100_000);
    const table = tableOf([
      to("end", { safeRegex: { regex: "/x+end" } }),
      to("exact", { path: `/${long}` }),
      to("beginning", { prefix: `/${long}` }),
    ]);
    expect(["end", "", "/y"].map((end) => clusterOf(table, { path: `/${long}${end}` }))).toEqual([
      "end",
      "exact",
      "beginning",
    ]);
  });

  test.each(["__proto__", "constructor", "toString", "hasOwnProperty"])("may name a field %s", (name) => {
    const table = tableOf([
      to("header", { prefix: "/", headers: [{ name, stringMatch: { exact: "1" } }] }),
      to("query", { prefix: "/", queryParameters: [{ name, stringMatch: { exact: "1" } }] }),
      to("cookie", { prefix: "/", cookies: [{ name, stringMatch: { exact: "1" } }] }),
      to("none", { prefix: "/" }),
    ]);
    expect(clusterOf(table, { headers: [[name, "1"]] })).toBe("header");
    expect(clusterOf(table, { path: `/?${name}=1` })).toBe("query");
    expect(clusterOf(table, { headers: { cookie: `${name}=1` } })).toBe("cookie");
    expect(clusterOf(table, {})).toBe("none");
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  test("may have any byte in a value, each of them one character", () => {
    const value = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));
    const table = tableOf([
      to("all", {
        prefix: "/",
        headers: [{ name: "x", stringMatch: { safeRegex: { regex: "(?s)\\x00.{3}.*\\xff" } } }],
      }),
      to("utf8", { prefix: "/", headers: [{ name: "x", stringMatch: { exact: "é" } }] }),
      to("surrogate", { prefix: "/", headers: [{ name: "x", stringMatch: { prefix: "\u00ed\u00a0" } }] }),
    ]);
    expect(clusterOf(table, { headers: { x: value } })).toBe("all");
    expect(clusterOf(table, { headers: { x: "\xc3\xa9" } })).toBe("utf8");
    expect(clusterOf(table, { headers: { x: "\xe9" } })).toBeUndefined();
  });

  test("may hold lone surrogates: they stand for no byte, so no pattern and no configured text takes them", () => {
    const table = tableOf([
      to("pattern", { safeRegex: { regex: "(?s)/.*" } }),
      to("exact", { path: "/\ud800" }),
      to("prefix", { prefix: "/" }),
    ]);
    expect(clusterOf(table, { path: "/\ud800" })).toBe("prefix");
    expect(() => table.route(createRequest({ authority: "\udfff", headers: { x: "\ud83d" } }), context)).not.toThrow();
    expect(() => table.explain(createRequest({ path: "/\udc00?\ud800=\udfff" }), context)).not.toThrow();
  });
});

test("ten thousand updates leave no more behind than a thousand", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const update = (turn: number): void => {
    const table = tableOf([
      to("pattern", { safeRegex: { regex: `/t${turn % 977}/(a|b)+/\\d+` } }),
      ...Array.from({ length: 14 }, (_, i) => to(`c${i}`, { prefix: `/t${turn}/s${i}/` })),
    ]);
    expect(clusterOf(table, { path: `/t${turn}/s13/` })).toBe("c13");
    expect(clusterOf(table, { path: `/t${turn % 977}/ab/7` })).toBe("pattern");
  };
  const heapAfter = (from: number, until: number): number => {
    for (let turn = from; turn < until; turn++) update(turn);
    collect();
    return process.memoryUsage().heapUsed;
  };
  const early = heapAfter(0, 1000);
  const late = heapAfter(1000, 10_000);
  // 9,000 tables at 600 bytes a route would be 81 MB.
  expect(late - early).toBeLessThan(1_500_000);
}, 120_000);

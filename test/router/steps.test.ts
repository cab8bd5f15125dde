/** Steps around the routing decision: clean-up, CORS, faults, buckets, scopes, filter chains, adapters. */
import {
  compileConnectionManager,
  compileFault,
  compileListener,
  compileRbac,
  compileRoutes,
  compileScopes,
  createRequest,
  fixedRandom,
  fromFetch,
  fromHttp2,
  fromIncomingMessage,
  fullBucket,
  takeToken,
} from "@weftmesh/router";
import { describe, expect, test } from "vitest";

describe("the connection manager", () => {
  const accept = (config: object, path: string) =>
    compileConnectionManager(config).accept(createRequest({ authority: "h", path }));

  test.each([
    ["dot segments go", { normalizePath: true }, "/a/./b/../c", "/a/c"],
    ["unreserved characters are unescaped", { normalizePath: true }, "/%41%2e/x?%41", "/A./x?%41"],
    ["backslashes are slashes", { normalizePath: true }, "/a\\b", "/a/b"],
    ["slashes merge", { mergeSlashes: true }, "//a///b?c//d", "/a/b?c//d"],
    ["escaped slashes are kept by default", {}, "/a%2Fb", "/a%2Fb"],
    [
      "escaped slashes are unescaped on demand",
      { pathWithEscapedSlashesAction: "UNESCAPE_AND_FORWARD" },
      "/a%2Fb",
      "/a/b",
    ],
  ])("%s", (_, config, path, expected) => {
    expect(accept(config, path)).toMatchObject({ kind: "request", request: { path: expected } });
  });

  test.each([
    ["a fragment", {}, "/a#b", 400],
    ["a NUL", { normalizePath: true }, "/a%00", 400],
    ["an escaped slash", { pathWithEscapedSlashesAction: "REJECT_REQUEST" }, "/a%5Cb", 400],
    ["a path that is none", {}, "x", 404],
  ])("refuses %s", (_, config, path, status) => {
    expect(accept(config, path)).toMatchObject({ kind: "reply", reply: { status } });
  });

  // ConnectionManagerUtility::mutateXfccRequestHeader: what is said about certificates before is believed only if asked for.
  test.each([
    [{}, true, false],
    [{ forwardClientCertDetails: "SANITIZE_SET" }, true, false],
    [{ forwardClientCertDetails: "FORWARD_ONLY" }, true, true],
    [{ forwardClientCertDetails: "FORWARD_ONLY" }, false, false],
    [{ forwardClientCertDetails: "APPEND_FORWARD" }, true, true],
    [{ forwardClientCertDetails: 2 }, false, false],
    [{ forwardClientCertDetails: "ALWAYS_FORWARD_ONLY" }, false, true],
  ])("%j, mutual TLS %s: x-forwarded-client-cert stays: %s", (config, mutual, stays) => {
    const connection = mutual ? { tls: { presented: true, validated: true } } : {};
    const headers = [["x-forwarded-client-cert", "URI=spiffe://shop.example/admin"]] as const;
    const request = createRequest({ authority: "h", path: "/", headers, connection });
    const admission = compileConnectionManager(config as object).accept(request);
    expect(admission.kind === "request" && admission.request.headers.includes("x-forwarded-client-cert")).toBe(stays);
  });

  // RFC 9110, 7.6.1; who asked for what is not the sender's to take away.
  test("fields that the connection calls its own go with it, but for those that identify the request", () => {
    const headers = [
      ["connection", "X-Hop, close, x-forwarded-for"],
      ["x-hop", "1"],
      ["x-forwarded-for", "10.0.0.1"],
      ["x-kept", "2"],
    ] as const;
    const admission = compileConnectionManager({}).accept(createRequest({ authority: "h", path: "/", headers }));
    const names = admission.request.headers.filter((_, index) => index % 2 === 0);
    expect(names).toEqual(expect.arrayContaining(["x-forwarded-for", "x-kept"]));
    expect(names).not.toEqual(expect.arrayContaining(["x-hop"]));
    expect(names).not.toEqual(expect.arrayContaining(["connection"]));
  });

  test("redirects to the unescaped path", () => {
    const admission = accept({ pathWithEscapedSlashesAction: "UNESCAPE_AND_REDIRECT" }, "/a%2Fb?c");
    expect(admission).toMatchObject({ kind: "reply", reply: { status: 307, headers: ["location", "/a/b?c"] } });
  });
});

describe("faults", () => {
  const percentage = { numerator: 100 };
  const fault = compileFault({
    delay: { fixedDelay: { seconds: 1n }, percentage },
    abort: { httpStatus: 503, percentage: { numerator: 50 } },
  });

  test.each([
    [0.4, { delayMs: 1000, abort: { httpStatus: 503 } }],
    [0.6, { delayMs: 1000 }],
  ])("chance %d", (chance, expected) => {
    expect(fault.decide(createRequest({}), "c", () => chance)).toEqual(expected);
  });
});

test("a token bucket fills continuously up to its size", () => {
  const rule = { maxTokens: 2, tokensPerFill: 1, fillIntervalMs: 100 };
  let state = fullBucket(rule, 0);
  const allowed = [0, 0, 0, 50, 100, 1000, 1000, 1000].map((now) => {
    const [next, ok] = takeToken(rule, state, now);
    state = next;
    return ok;
  });
  expect(allowed).toEqual([true, true, false, false, true, true, true, false]);
});

test("a scope is chosen by an element of a header", () => {
  const extractor = { name: "addr", elementSeparator: ",", element: { separator: "=", key: "x-foo" } };
  const key = (stringKey: string) => ({ fragments: [{ stringKey }] });
  const scopes = compileScopes({ fragments: [{ headerValueExtractor: extractor }] }, [
    { name: "a", routeConfigurationName: "table-a", key: key("bar") },
    { name: "b", routeConfigurationName: "table-b", key: key("") },
    { name: "c", routeConfigurationName: "table-c", key: key("bar=1") },
  ]);
  const select = (addr: string): string | undefined => scopes.select(createRequest({ headers: { addr } }));
  expect(select("y=1,x-foo=bar")).toBe("table-a");
  expect(select("y=1")).toBeUndefined();
  // As Envoy 1.40 answered them.
  expect(select("x-foo")).toBe("table-b");
  expect(select("x-foo,x-foo=bar")).toBe("table-b");
  expect(select("x-foo=")).toBe("table-b");
  expect(select("x-foo=bar=1")).toBe("table-c");
  expect(select("x-foox=bar")).toBeUndefined();
});

test("a dead end in filter chains does not fall back to a chain without port", () => {
  const chains = compileListener({
    filterChains: [
      { name: "443", filterChainMatch: { destinationPort: 443, serverNames: ["a.test"] } },
      { name: "any", filterChainMatch: {} },
    ],
  });
  expect(chains.match({ destinationPort: 443, serverName: "b.test" })).toEqual({ kind: "none" });
  expect(chains.explain({ destinationPort: 80 }).match).toMatchObject({ kind: "chain", name: "any" });
});

test("RBAC visits policies in the order of their names and reports the first", () => {
  const any = { permissions: [{ any: true }], principals: [{ any: true }] };
  const rbac = compileRbac({ rules: { action: "DENY", policies: { b: any, a: any } } });
  expect(rbac.decide(createRequest({}))).toEqual({ allowed: false, policy: "a", log: false });
});

describe("adapters", () => {
  test("an HTTP/1 request keeps the order and repetition of its fields", () => {
    const rawHeaders = ["Host", "shop", "X-A", "1", "x-a", "2"];
    const request = fromIncomingMessage({
      method: "GET",
      url: "/x?y",
      httpVersion: "1.1",
      rawHeaders,
      socket: { remoteAddress: "::ffff:10.0.0.1" },
    });
    expect(request).toMatchObject({
      authority: "shop",
      path: "/x?y",
      scheme: "http",
      connection: { sourceAddress: "10.0.0.1" },
    });
    expect(request.headers).toEqual(["x-a", "1", "x-a", "2", "x-forwarded-proto", "http"]);
  });

  test("an HTTP/2 request keeps its pseudo fields apart", () => {
    const request = fromHttp2({
      ":method": "POST",
      ":path": "/p",
      ":scheme": "https",
      ":authority": "shop",
      cookie: ["a=1", "b=2"],
    });
    expect(request).toMatchObject({ method: "POST", path: "/p", scheme: "https", authority: "shop" });
    expect(request.headers).toEqual(["cookie", "a=1", "cookie", "b=2", "x-forwarded-proto", "https"]);
  });

  test("a fetch request", () => {
    const request = fromFetch(new Request("https://shop/x", { headers: { "x-a": "1" } }));
    expect(request).toMatchObject({
      authority: "shop",
      path: "/x",
      headers: ["x-a", "1", "x-forwarded-proto", "https"],
    });
  });
});

test("a replaced virtual host leaves the others as they were", () => {
  const host = (name: string, cluster: string) => ({
    name,
    domains: [name],
    routes: [{ match: { prefix: "/" }, route: { cluster } }],
  });
  const table = compileRoutes({ virtualHosts: [host("a", "1"), host("b", "1")] });
  const next = table.withHosts({ set: [host("b", "2"), host("c", "3")], remove: ["a"] });
  const clusterOf = (of: typeof table, authority: string): string => {
    const decision = of.route(createRequest({ authority }), { random: fixedRandom(0), now: 0 });
    return decision.kind === "forward" ? decision.cluster : decision.kind;
  };
  expect(["a", "b", "c"].map((name) => clusterOf(next, name))).toEqual(["no-route", "2", "3"]);
  expect(clusterOf(table, "b")).toBe("1");
});

test("patterns matched together find what each finds alone", () => {
  const texts = Array.from({ length: 60 }, (_, i) => `.*/s${i % 30}${i < 30 ? "" : "x?"}/[^/]+`);
  const routes = texts.map((regex, i) => ({ match: { safeRegex: { regex } }, route: { cluster: `c${i}` } }));
  const table = compileRoutes({ virtualHosts: [{ name: "v", domains: ["*"], routes }] });
  const patterns = texts.map((text) => new RegExp(`^(?:${text})$`));
  for (let i = 0; i < 200; i++) {
    const path = `/a/s${i % 40}${i % 3 === 0 ? "x" : ""}/${i}`;
    const decision = table.route(createRequest({ authority: "h", path }), { random: fixedRandom(0), now: 0 });
    const expected = patterns.findIndex((pattern) => pattern.test(path));
    expect(decision.kind === "forward" ? decision.cluster : "c-1").toBe(`c${expected}`);
  }
});

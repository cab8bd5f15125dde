/** Envoy's own router_check_tool tests, and requests and refusals out of its route configuration unit tests. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import {
  checkRoutes,
  compileRoutes,
  createRequest,
  type Decision,
  fixedRandom,
  formatTestFailure,
  type RouteTable,
  type RouteTest,
} from "@weftmesh/router";
import type { RouteConfiguration } from "@weftmesh/xds-types/envoy/config/route/v3";
import { readMessage } from "./router-input.js";
import type { Case, Outcome, Suite } from "./suite.js";

const table = "envoy.config.route.v3.RouteConfiguration";

export const suite: Suite = {
  name: "router_check",
  *cases(dir) {
    const folders = readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    for (const path of [dir, ...folders.map((entry) => join(dir, entry.name))]) yield* folderCases(path);
  },
};

function* folderCases(dir: string): Iterable<Case> {
  for (const name of readdirSync(dir).sort()) {
    const path = join(dir, name);
    if (name === "REJECTED.json") yield* rejectedCases(path);
    else if (name.endsWith(".golden.proto.json"))
      yield* toolCases(path, path.replace(/\.golden\.proto\.json$/, ".yaml"));
    else if (name.endsWith(".cases.json")) yield* unitCases(path, path.replace(/\.cases\.json$/, ".yaml"));
    else if (name.endsWith(".json"))
      yield { name, run: () => ({ ok: false, expected: "a known kind of file", got: name }) };
  }
}

function readTable(file: string): RouteConfiguration {
  return readMessage(readFileSync(file, "utf8"), table) as RouteConfiguration;
}

function readJson<T>(file: string): T {
  return JSON.parse(readFileSync(file, "utf8")) as T;
}

function* toolCases(testFile: string, tableFile: string): Iterable<Case> {
  const { tests } = readJson<{ readonly tests: readonly RouteTest[] }>(testFile);
  for (const test of tests) {
    yield {
      name: `${basename(testFile)} ${test.test_name}`,
      run() {
        const { results } = checkRoutes(readTable(tableFile), [withMessages(test)]);
        const failures = results.flatMap((result) => result.failures);
        return failures.length === 0
          ? { ok: true }
          : { ok: false, expected: "no failure", got: failures.map(formatTestFailure) };
      },
    };
  }
}

const matcherType = "envoy.config.route.v3.HeaderMatcher";

/** Header matchers of a test file are proto messages in JSON. */
function withMessages(test: RouteTest): RouteTest {
  const read = (matchers: readonly unknown[] | undefined): object =>
    (matchers ?? []).map((one) => readMessage(JSON.stringify(one), matcherType)) as object;
  const validate = {
    ...test.validate,
    request_header_matches: read(test.validate.request_header_matches),
    response_header_matches: read(test.validate.response_header_matches),
  };
  return { ...test, validate } as RouteTest;
}

interface UnitCase {
  readonly request: {
    readonly authority: string;
    readonly path: string;
    readonly method: string | null;
    readonly scheme: string;
    readonly headers: readonly (readonly [string, string])[];
  };
  readonly random_value: number | string;
  readonly expect: Readonly<Record<string, unknown>>;
}

function* unitCases(caseFile: string, tableFile: string): Iterable<Case> {
  if (!existsSync(tableFile)) {
    yield { name: basename(caseFile), run: () => ({ ok: false, expected: basename(tableFile), got: "no such file" }) };
    return;
  }
  let compiled: { readonly config: RouteConfiguration; readonly table: RouteTable } | undefined;
  const { cases } = readJson<{ readonly cases: readonly UnitCase[] }>(caseFile);
  for (const [i, one] of cases.entries()) {
    yield {
      name: `${basename(caseFile)} ${i}: ${one.request.authority}${one.request.path}`,
      run() {
        if (compiled === undefined) {
          const config = readTable(tableFile);
          compiled = { config, table: compileRoutes(config) };
        }
        return unitOutcome(one, compiled.config, compiled.table);
      },
    };
  }
}

function unitOutcome(one: UnitCase, config: RouteConfiguration, routes: RouteTable): Outcome {
  const { authority, path, method, scheme, headers } = one.request;
  const all = [...headers, ["x-forwarded-proto", scheme] as const];
  const request = createRequest({ authority, path, method: method ?? "GET", scheme, headers: all });
  const random = fixedRandom(Number(BigInt(one.random_value) % 2n ** 53n));
  const decision = routes.route(request, { random, now: 0 });
  const got = Object.fromEntries(
    Object.entries(one.expect).map(([key, wanted]) => [key, observe(key, wanted, decision, path, config)]),
  );
  return isDeepStrictEqual(got, one.expect)
    ? { ok: true }
    : { ok: false, expected: one.expect, got: { ...got, kind: decision.kind } };
}

/** What a decision says about one expectation; one nobody knows comes out as something it cannot equal. */
function observe(key: string, wanted: unknown, decision: Decision, path: string, config: RouteConfiguration): unknown {
  switch (key) {
    case "cluster":
      return decision.kind === "forward"
        ? decision.cluster
        : decision.kind === "direct-response"
          ? (decision.cluster ?? "")
          : "";
    case "no_route":
      return decision.kind === "no-route";
    case "not_a_direct":
      return decision.kind === "forward" || decision.kind === "no-route";
    case "not_a_forward":
      return decision.kind !== "forward";
    case "status":
      return decision.kind === "forward" ? 200 : decision.kind === "no-route" ? 404 : decision.status;
    case "route_name":
      return decision.kind === "no-route" ? "" : (decision.route?.name ?? "");
    case "virtual_host":
      return decision.virtualHost?.name ?? "";
    case "redirect_uri":
      return decision.kind === "redirect" ? decision.location : undefined;
    case "redirect_uri_without_path_rewrite":
      return decision.kind === "redirect" ? withoutRewrite(decision, path, config) : undefined;
    case "headers_after":
      return decision.kind === "forward" ? fieldsAfter(wanted as object, decision) : undefined;
    default:
      return Symbol(`unknown expectation ${key}`);
  }
}

/** The unit tests ask for a URL before the redirect's own path rewrite, which Envoy applies as a step of its own. */
function withoutRewrite(
  decision: Extract<Decision, { kind: "redirect" }>,
  path: string,
  config: RouteConfiguration,
): string {
  const found = /^virtual_hosts\[(\d+)\]\.routes\[(\d+)\]$/.exec(decision.route?.path ?? "");
  const redirect =
    found === null ? undefined : config.virtualHosts?.[Number(found[1])]?.routes?.[Number(found[2])]?.redirect;
  if (redirect?.prefixRewrite === undefined && redirect?.regexRewrite === undefined) return decision.location;
  const url = /^[^:]+:\/\/[^/]*/.exec(decision.location)?.[0] ?? "";
  return url + (redirect.stripQuery === true ? path.replace(/\?.*$/, "") : path);
}

function fieldsAfter(wanted: object, decision: Extract<Decision, { kind: "forward" }>): object {
  const sent = decision.request();
  const pseudo = new Map([
    [":path", sent.path],
    [":authority", sent.authority],
    [":method", sent.method],
    [":scheme", sent.scheme],
  ]);
  // A field that is absent reads as empty there.
  const fieldValue = (name: string): string => {
    if (pseudo.has(name)) return pseudo.get(name) ?? "";
    const at = sent.headers.findIndex((text, i) => i % 2 === 0 && text === name.toLowerCase());
    return at < 0 ? "" : (sent.headers[at + 1] ?? "");
  };
  return Object.fromEntries(Object.keys(wanted).map((name) => [name, fieldValue(name)]));
}

function* rejectedCases(file: string): Iterable<Case> {
  interface Rejected {
    readonly test: string;
    readonly message: string;
    readonly yaml: string;
  }
  for (const { test, message, yaml } of readJson<readonly Rejected[]>(file)) {
    // The cluster manager of these tests knows no cluster, and most of them do not ask it.
    const validateClusters = /unknown .*cluster/.test(message);
    yield {
      name: `REJECTED ${test}`,
      run() {
        try {
          compileRoutes(readMessage(yaml, table) as RouteConfiguration, { clusters: new Set(), validateClusters });
        } catch {
          return { ok: true };
        }
        return { ok: false, expected: "refused", got: "accepted" };
      },
    };
  }
}

import type { HeaderMatcher, RouteConfiguration } from "@weftmesh/xds-types/envoy/config/route/v3";
import { RequestFacts } from "../facts.js";
import { compileHeader } from "../match/header.js";
import { patterns } from "../regex/library.js";
import type { HeaderList } from "../request.js";
import { CompiledTable, type RouteOptions } from "../route-table.js";
import { Scope } from "../scope.js";
import { checkShape } from "../shape/check-shape.js";
import { type Actual, actualOf } from "./actual.js";
import { Coverage, type RouteCoverage } from "./coverage.js";
import { matchKeyPrefix, withMatchKeys } from "./runtime-keys.js";
import type { RouteTest } from "./test-file.js";

/** One assertion that did not hold. */
export interface RouteTestFailure {
  /** Which assertion: `cluster_name`, `path_redirect`, … */
  readonly type: string;
  /** What the test wants. */
  readonly expected: string;
  /** What came out. */
  readonly actual: string;
}

/** What became of one test. */
export interface RouteTestResult {
  /** The test's name. */
  readonly name: string;
  /** Empty if it passed. */
  readonly failures: readonly RouteTestFailure[];
}

/** What became of a whole test file. */
export interface RouteCheckReport {
  /** Whether every test passed. */
  readonly passed: boolean;
  /** One for each test, in order. */
  readonly results: readonly RouteTestResult[];
  /** Which routes the tests reached. */
  readonly coverage: RouteCoverage;
}

/**
 * Runs router_check_tool's tests against a RouteConfiguration.
 *
 * @throws {@link RouterError} if the configuration is refused.
 * @see https://www.envoyproxy.io/docs/envoy/v1.40.0/operations/tools/router_check
 */
export function checkRoutes(
  config: RouteConfiguration,
  tests: readonly RouteTest[],
  options: RouteOptions = {},
): RouteCheckReport {
  let enabled: string | undefined;
  const runtime: RouteOptions["runtime"] = (key) => {
    if (!key.startsWith(matchKeyPrefix)) return options.runtime?.(key);
    return enabled !== undefined && key === `${matchKeyPrefix}${enabled}` ? undefined : 0;
  };
  const scope = Scope.root(options.path);
  checkShape(config, "envoy.config.route.v3.RouteConfiguration", scope);
  scope.throwIfRefused();
  const own = { ...options, patterns: options.patterns ?? patterns, runtime, clusters: undefined };
  const table = CompiledTable.compile(withMatchKeys(config), own);
  const coverage = new Coverage(table);
  const results = tests.map((test): RouteTestResult => {
    enabled = test.input.runtime === "" ? undefined : test.input.runtime;
    const actual = actualOf(table, test.input);
    const failures: RouteTestFailure[] = [];
    judge(test, actual, failures, (field) => coverage.reached(actual, field), table);
    return { name: test.test_name, failures };
  });
  return { passed: results.every((result) => result.failures.length === 0), results, coverage: coverage.report() };
}

function judge(
  test: RouteTest,
  actual: Actual,
  failures: RouteTestFailure[],
  reached: (field: string) => void,
  table: CompiledTable,
): void {
  const { validate } = test;
  const compare = (type: string, expected: string | number | undefined, found: string | number): void => {
    if (expected === undefined) return;
    if (expected === found) reached(type);
    else failures.push({ type, expected: String(expected), actual: String(found) });
  };
  compare("cluster_name", validate.cluster_name, actual.cluster);
  compare("virtual_cluster_name", validate.virtual_cluster_name, actual.virtualCluster);
  compare("virtual_host_name", validate.virtual_host_name, actual.virtualHost);
  compare("path_rewrite", validate.path_rewrite, actual.pathRewrite);
  compare("host_rewrite", validate.host_rewrite, actual.hostRewrite);
  compare("path_redirect", validate.path_redirect, actual.pathRedirect);
  compare("code_redirect", validate.code_redirect, actual.codeRedirect);
  if (validate.timeout !== undefined) compare("timeout", secondsToMs(validate.timeout), actual.timeoutMs ?? 0);
  for (const [side, list, fields] of [
    ["request", actual.request, validate.request_header_fields],
    ["response", actual.response, validate.response_header_fields],
  ] as const) {
    for (const { key = "", value = "" } of fields ?? [])
      compare(`${side}_header_fields`, value, valuesOf(list, key).join(","));
  }
  for (const [side, list, matchers] of [
    ["request", actual.request, validate.request_header_matches],
    ["response", actual.response, validate.response_header_matches],
  ] as const) {
    for (const matcher of matchers ?? []) {
      if (matchesHeader(matcher, list, table)) reached(`${side}_header_matches`);
      else failures.push(headerFailure(`${side}_header_matches`, matcher, list));
    }
  }
}

function secondsToMs(duration: string): number {
  return Math.trunc(Number(duration.replace(/s$/, "")) * 1000);
}

function valuesOf(list: HeaderList, name: string): readonly string[] {
  const lower = name.toLowerCase();
  return list.filter((_, i) => i % 2 === 1 && list[i - 1] === lower);
}

function matchesHeader(matcher: HeaderMatcher, list: HeaderList, table: CompiledTable): boolean {
  const scope = Scope.root("validate");
  const test = compileHeader(matcher, scope, table.surroundings);
  scope.throwIfRefused();
  const pseudo = (name: string): string | undefined => valuesOf(list, name)[0];
  const request = {
    method: pseudo(":method") ?? "",
    scheme: pseudo(":scheme") ?? "",
    authority: pseudo(":authority"),
    path: pseudo(":path"),
    headers: list,
  };
  return test(new RequestFacts(request, { random: () => 0, now: 0 }, false));
}

function headerFailure(type: string, matcher: HeaderMatcher, list: HeaderList): RouteTestFailure {
  const { name = "", ...rest } = matcher;
  const printed = JSON.stringify(rest, (_, value) => (typeof value === "bigint" ? Number(value) : value));
  return { type, expected: `${name}: ${printed}`, actual: `${name}: ${valuesOf(list, name).join(",")}` };
}

/** A failure in router_check_tool's words. */
export function formatTestFailure(failure: RouteTestFailure): string {
  return `expected: [${failure.expected}], actual: [${failure.actual}], test type: ${failure.type}`;
}

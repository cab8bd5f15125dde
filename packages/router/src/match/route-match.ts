import type { RouteMatch } from "@weftmesh/xds-types/envoy/config/route/v3";
import { byteText } from "../ascii.js";
import { buildExtension, messageOf } from "../extension.js";
import type { RequestFacts } from "../facts.js";
import { grpcMatch } from "../grpc-profile.js";
import { compileRegex } from "../regex/patterns.js";
import type { Scope } from "../scope.js";
import type { Surroundings } from "../surroundings.js";
import { compileCookie, cookieEquality, explainCookie } from "./cookie.js";
import { compileFilterState } from "./filter-state.js";
import { compileFraction } from "./fraction.js";
import { compileHeader, explainHeader, headerEquality } from "./header.js";
import { PathTest } from "./path.js";
import type { Equality, Explanation, Predicate } from "./predicate.js";
import { compileQuery, explainQuery, queryEquality } from "./query.js";
import { compileTemplate } from "./template.js";
import { compileMetadata } from "./value.js";

/** A compiled RouteMatch. */
export interface CompiledMatch {
  /** Everything but the path, in Envoy's order. */
  readonly tests: readonly Predicate[];
  /** The path. */
  readonly path: PathTest;
}

/** Type of the built-in path matcher. */
export const uriTemplateMatch = "envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig";

const noTests: readonly Predicate[] = [];

/**
 * Compiles a RouteMatch.
 *
 * @see https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/config/route/v3/route_components.proto#config-route-v3-routematch
 */
export function compileMatch(configured: RouteMatch, scope: Scope, surroundings: Surroundings): CompiledMatch {
  const match = surroundings.profile === "grpc" ? grpcMatch(configured, scope) : configured;
  const tests: Predicate[] = [];
  if (match.runtimeFraction !== undefined) {
    const test = compileFraction(match.runtimeFraction, scope.field("runtime_fraction"), surroundings);
    tests.push((facts) => test(facts.random));
  }
  if (match.grpc !== undefined) tests.push(isGrpc);
  match.headers?.forEach((one, i) => {
    tests.push(compileHeader(one, scope.item("headers", i), surroundings));
  });
  match.queryParameters?.forEach((one, i) => {
    tests.push(compileQuery(one, scope.item("query_parameters", i), surroundings));
  });
  match.cookies?.forEach((one, i) => {
    tests.push(compileCookie(one, scope.item("cookies", i), surroundings));
  });
  if (match.tlsContext !== undefined) tests.push(tlsTest(match.tlsContext.presented, match.tlsContext.validated));
  match.dynamicMetadata?.forEach((one, i) => {
    const test = compileMetadata(one, scope.item("dynamic_metadata", i), surroundings);
    tests.push((facts) => test(facts.request.metadata));
  });
  match.filterState?.forEach((one, i) => {
    tests.push(compileFilterState(one, scope.item("filter_state", i), surroundings));
  });
  return { tests: tests.length === 0 ? noTests : tests, path: compilePath(match, scope, surroundings) };
}

/** gRPC by content type: `application/grpc` or `application/grpc+…`; gRPC-Web does not count. */
export function isGrpc(facts: RequestFacts): boolean {
  const type = facts.header("content-type");
  if (type === undefined || !type.startsWith("application/grpc")) return false;
  return facts.request.path !== undefined && (type.length === 16 || type.charCodeAt(16) === 43);
}

function tlsTest(presented: boolean | undefined, validated: boolean | undefined): Predicate {
  return (facts) => {
    const tls = facts.request.connection?.tls;
    if (presented !== undefined && (tls?.presented === true) !== presented) return false;
    return validated === undefined || (tls?.validated === true) === validated;
  };
}

const separatedPrefix = /^[^?#]+[^?#/]$/;

function compilePath(match: RouteMatch, scope: Scope, surroundings: Surroundings): PathTest {
  const fold = match.caseSensitive === false;
  if (match.prefix !== undefined) return new PathTest("prefix", byteText(match.prefix), fold);
  if (match.path !== undefined) return new PathTest("path", byteText(match.path), fold);
  if (match.pathSeparatedPrefix !== undefined) {
    if (!separatedPrefix.test(match.pathSeparatedPrefix)) {
      const got = JSON.stringify(match.pathSeparatedPrefix);
      scope
        .field("path_separated_prefix")
        .report(
          "ERR_ROUTER_FIELD_INVALID",
          `expected at least two characters, no ? or #, and no / at the end, got ${got}`,
        );
    }
    return new PathTest("path-separated-prefix", byteText(match.pathSeparatedPrefix), fold);
  }
  if (match.safeRegex !== undefined) {
    const regex = compileRegex(match.safeRegex, scope.field("safe_regex"), surroundings);
    return new PathTest("regex", byteText(match.safeRegex.regex ?? ""), false, { regex });
  }
  if (match.connectMatcher !== undefined) return new PathTest("connect", "");
  if (match.pathMatchPolicy !== undefined) {
    const where = scope.field("path_match_policy").field("typed_config");
    const config = match.pathMatchPolicy.typedConfig;
    const template = messageOf<{ readonly pathTemplate?: string }>(config, uriTemplateMatch, where);
    if (template !== undefined) {
      const text = template.pathTemplate ?? "";
      const compiled = compileTemplate(text, where.field("path_template"), surroundings);
      return new PathTest("template", text, false, compiled === undefined ? {} : { template: compiled });
    }
    const extension = buildExtension(surroundings.extensions.pathMatchers, config, where);
    return new PathTest(
      "extension",
      match.pathMatchPolicy.name ?? "",
      false,
      extension === undefined ? {} : { extension },
    );
  }
  scope.report("ERR_ROUTER_FIELD_INVALID", "expected a path specifier, got none");
  return new PathTest("path", "");
}

/** The equalities of a match, which an index may group by. */
export function equalitiesOf(match: RouteMatch): readonly Equality[] {
  return [
    ...(match.headers ?? []).map(headerEquality),
    ...(match.queryParameters ?? []).map(queryEquality),
    ...(match.cookies ?? []).map(cookieEquality),
  ].filter((equality) => equality !== undefined);
}

/** How each of {@link CompiledMatch.tests} shows in a trace, in the same order. */
export function explainMatch(match: RouteMatch): readonly Explanation[] {
  const out: Explanation[] = [];
  const fraction = match.runtimeFraction;
  if (fraction !== undefined) {
    const { numerator = 0, denominator = "HUNDRED" } = fraction.defaultValue ?? {};
    const key = fraction.runtimeKey === undefined ? "" : ` (runtime ${fraction.runtimeKey})`;
    out.push({
      field: "runtime_fraction",
      expected: `random % ${denominator} < ${numerator}${key}`,
      actual: (facts) => `random ${facts.random}`,
    });
  }
  if (match.grpc !== undefined) {
    out.push({
      field: "grpc",
      expected: "a gRPC content-type",
      actual: (facts) => facts.header("content-type") ?? "absent",
    });
  }
  match.headers?.forEach((one, i) => {
    out.push(explainHeader(one, `headers[${i}]`));
  });
  match.queryParameters?.forEach((one, i) => {
    out.push(explainQuery(one, `query_parameters[${i}]`));
  });
  match.cookies?.forEach((one, i) => {
    out.push(explainCookie(one, `cookies[${i}]`));
  });
  if (match.tlsContext !== undefined) {
    const { presented, validated } = match.tlsContext;
    out.push({
      field: "tls_context",
      expected: `presented ${presented ?? "any"}, validated ${validated ?? "any"}`,
      actual: (facts) => {
        const tls = facts.request.connection?.tls;
        return `presented ${tls?.presented === true}, validated ${tls?.validated === true}`;
      },
    });
  }
  match.dynamicMetadata?.forEach((one, i) => {
    const path = [one.filter ?? "", ...(one.path ?? []).map((segment) => segment.key ?? "")].join(".");
    out.push({
      field: `dynamic_metadata[${i}]`,
      expected: `metadata ${path} as configured`,
      actual: (facts) => JSON.stringify(facts.request.metadata?.[one.filter ?? ""]) ?? "absent",
    });
  });
  match.filterState?.forEach((one, i) => {
    const key = one.key ?? "";
    out.push({
      field: `filter_state[${i}]`,
      expected: `filter state ${key} as configured`,
      actual: (facts) => facts.request.filterState?.[key] ?? "absent",
    });
  });
  return out;
}

import type {
  Matcher,
  Matcher_MatcherList_Predicate,
  Matcher_MatcherList_Predicate_SinglePredicate,
  Matcher_MatcherTree,
  Matcher_OnMatch,
} from "@weftmesh/xds-types/xds/type/matcher/v3";
import { byteText } from "../ascii.js";
import { buildExtension, type NamedConfig, typeName, unknownExtension } from "../extension.js";
import { grpcTreeDepth } from "../grpc-profile.js";
import type { Scope } from "../scope.js";
import type { Surroundings } from "../surroundings.js";
import { compileIpTree } from "./ip-tree.js";
import { compileServerNameTree } from "./server-name-tree.js";
import { compileString } from "./string.js";

/** Finds the action for an input; `undefined` if nothing matches. */
export type Tree<I, A> = (input: I) => A | undefined;

/** Compiles what happens when an entry of a custom matcher matches. */
export type CompileResult<I, A> = (onMatch: Matcher_OnMatch | undefined, scope: Scope) => Tree<I, A>;

/** What a use of matcher trees brings along. */
export interface TreeUse<I, A> {
  /** Compiles an input; one that is not allowed here is reported. */
  input(config: NamedConfig, scope: Scope): (input: I) => string | undefined;
  /** Compiles an action; one that is not allowed here is reported. */
  action(config: NamedConfig, scope: Scope): A | undefined;
  /** Whether `keep_matching` may be used; a route table may not. */
  readonly keepMatching: boolean;
  /** Surroundings of the configuration. */
  readonly surroundings: Surroundings;
}

/** Envoy's limit on nesting is the stack; gRFC A106 names 16, and no sane tree comes near either. */
const maxDepth = 64;

/**
 * Compiles a unified matcher.
 *
 * A sub-tree without a result counts as no match for its entry. Everything is known when a request is matched, so the third answer
 * of Envoy's matchers, insufficient data, does not occur.
 *
 * @see https://www.envoyproxy.io/docs/envoy/v1.40.0/intro/arch_overview/advanced/matching/matching_api
 */
export function compileTree<I, A>(matcher: Matcher, use: TreeUse<I, A>, scope: Scope, depth = 0): Tree<I, A> {
  const deepest = use.surroundings.profile === "grpc" ? grpcTreeDepth : maxDepth;
  if (depth >= deepest) {
    scope.report("ERR_ROUTER_UNSUPPORTED", `expected at most ${deepest} nested matchers`);
    return () => undefined;
  }
  const onNoMatch =
    matcher.onNoMatch === undefined
      ? undefined
      : compileOnMatch(matcher.onNoMatch, use, scope.field("on_no_match"), depth);
  const main = compileKind(matcher, use, scope, depth);
  if (main === undefined) return onNoMatch ?? (() => undefined);
  if (onNoMatch === undefined) return main;
  return (input) => main(input) ?? onNoMatch(input);
}

function compileKind<I, A>(matcher: Matcher, use: TreeUse<I, A>, scope: Scope, depth: number): Tree<I, A> | undefined {
  if (matcher.matcherList !== undefined) {
    const where = scope.field("matcher_list");
    const list = matcher.matcherList.matchers ?? [];
    if (list.length === 0)
      where.field("matchers").report("ERR_ROUTER_FIELD_INVALID", "expected at least one matcher, got none");
    const entries = list.map((entry, i) => {
      const at = where.item("matchers", i);
      return {
        test: compilePredicate(entry.predicate, use, at.field("predicate")),
        result: compileOnMatch(entry.onMatch, use, at.field("on_match"), depth),
      };
    });
    return (input) => {
      for (const entry of entries) {
        const result = entry.test(input) ? entry.result(input) : undefined;
        if (result !== undefined) return result;
      }
      return undefined;
    };
  }
  return matcher.matcherTree === undefined
    ? undefined
    : compileMap(matcher.matcherTree, use, scope.field("matcher_tree"), depth);
}

function compileOnMatch<I, A>(
  onMatch: Matcher_OnMatch | undefined,
  use: TreeUse<I, A>,
  scope: Scope,
  depth: number,
): Tree<I, A> {
  if (onMatch?.keepMatching === true) {
    if (!use.keepMatching)
      scope.field("keep_matching").report("ERR_ROUTER_UNSUPPORTED", "keep_matching is not supported in this context");
    // The result only shows to observers, and the search goes on as if nothing had matched.
    return () => undefined;
  }
  if (onMatch?.matcher !== undefined) return compileTree(onMatch.matcher, use, scope.field("matcher"), depth + 1);
  if (onMatch?.action !== undefined) {
    const action = use.action(onMatch.action, scope.field("action"));
    return () => action;
  }
  scope.report("ERR_ROUTER_FIELD_INVALID", "expected matcher or action, got neither");
  return () => undefined;
}

type Test<I> = (input: I) => boolean;

function compilePredicate<I, A>(
  predicate: Matcher_MatcherList_Predicate | undefined,
  use: TreeUse<I, A>,
  scope: Scope,
): Test<I> {
  if (predicate?.singlePredicate !== undefined)
    return compileSingle(predicate.singlePredicate, use, scope.field("single_predicate"));
  if (predicate?.notMatcher !== undefined) {
    const test = compilePredicate(predicate.notMatcher, use, scope.field("not_matcher"));
    return (input) => !test(input);
  }
  for (const [list, field] of [
    [predicate?.orMatcher, "or_matcher"],
    [predicate?.andMatcher, "and_matcher"],
  ] as const) {
    if (list === undefined) continue;
    const where = scope.field(field);
    const tests = (list.predicate ?? []).map((one, i) => compilePredicate(one, use, where.item("predicate", i)));
    if (tests.length < 2)
      where.field("predicate").report("ERR_ROUTER_FIELD_INVALID", `expected at least 2, got ${tests.length}`);
    if (field === "or_matcher") return (input) => tests.some((test) => test(input));
    return (input) => tests.every((test) => test(input));
  }
  scope.report("ERR_ROUTER_FIELD_INVALID", "expected a predicate, got none");
  return () => false;
}

function compileSingle<I, A>(
  predicate: Matcher_MatcherList_Predicate_SinglePredicate,
  use: TreeUse<I, A>,
  scope: Scope,
): Test<I> {
  const read = compileInput(predicate.input, use, scope);
  const test =
    predicate.valueMatch !== undefined
      ? compileString(predicate.valueMatch, scope.field("value_match"), use.surroundings)
      : predicate.customMatch !== undefined
        ? buildExtension(
            use.surroundings.extensions.stringMatchers,
            predicate.customMatch.typedConfig,
            scope.field("custom_match"),
          )
        : undefined;
  if (test === undefined) {
    if (predicate.customMatch === undefined)
      scope.report("ERR_ROUTER_FIELD_INVALID", "expected value_match or custom_match, got neither");
    return () => false;
  }
  return (input) => {
    const value = read(input);
    return value !== undefined && test(value);
  };
}

function compileInput<I, A>(
  config: NamedConfig | undefined,
  use: TreeUse<I, A>,
  scope: Scope,
): (input: I) => string | undefined {
  if (config !== undefined) return use.input(config, scope.field("input"));
  scope.field("input").report("ERR_ROUTER_FIELD_INVALID", "expected an input, got none");
  return () => undefined;
}

function compileMap<I, A>(tree: Matcher_MatcherTree, use: TreeUse<I, A>, scope: Scope, depth: number): Tree<I, A> {
  const read = compileInput(tree.input, use, scope);
  if (tree.exactMatchMap !== undefined) {
    const map = compileEntries(tree.exactMatchMap.map, use, scope.field("exact_match_map"), depth);
    return (input) => {
      const value = read(input);
      return value === undefined ? undefined : map.get(value)?.(input);
    };
  }
  if (tree.prefixMatchMap !== undefined) {
    const map = compileEntries(tree.prefixMatchMap.map, use, scope.field("prefix_match_map"), depth);
    const lengths = [...new Set([...map.keys()].map((key) => key.length))].sort((a, b) => b - a);
    return (input) => {
      const value = read(input);
      if (value === undefined) return undefined;
      for (const length of lengths) {
        if (length > value.length) continue;
        // The longest key first; where its sub-tree has no match, shorter ones are tried.
        const result = map.get(value.slice(0, length))?.(input);
        if (result !== undefined) return result;
      }
      return undefined;
    };
  }
  if (tree.customMatch !== undefined) {
    const where = scope.field("custom_match");
    const result: CompileResult<I, A> = (onMatch, at) => compileOnMatch(onMatch, use, at, depth);
    const compiled =
      compileIpTree(tree.customMatch, read, result, where) ??
      compileServerNameTree(tree.customMatch, read, result, where);
    if (compiled !== undefined) return compiled;
    unknownExtension(typeName(tree.customMatch.typedConfig), where);
    return () => undefined;
  }
  scope.report("ERR_ROUTER_FIELD_INVALID", "expected exact_match_map, prefix_match_map or custom_match, got none");
  return () => undefined;
}

function compileEntries<I, A>(
  entries: Readonly<Record<string, Matcher_OnMatch>> | undefined,
  use: TreeUse<I, A>,
  scope: Scope,
  depth: number,
): ReadonlyMap<string, Tree<I, A>> {
  const map = new Map<string, Tree<I, A>>();
  for (const key of Object.keys(entries ?? {})) {
    map.set(byteText(key), compileOnMatch(entries?.[key], use, scope.entry("map", key), depth));
  }
  if (map.size === 0) scope.field("map").report("ERR_ROUTER_FIELD_INVALID", "expected at least one entry, got none");
  return map;
}

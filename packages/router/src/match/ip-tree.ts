import type { IPMatcher } from "@weftmesh/xds-types/xds/type/matcher/v3";
import { messageOf, type NamedConfig } from "../extension.js";
import type { Scope } from "../scope.js";
import { compileRange, inRange, parseAddress, type Range } from "./address.js";
import type { CompileResult, Tree } from "./tree.js";

interface Entry<I, A> {
  readonly range: Range;
  readonly exclusive: boolean;
  readonly result: Tree<I, A>;
}

/**
 * Compiles an IPMatcher: the longest prefix first, then declaration order; a range whose sub-tree has no result gives way to the next,
 * except that an `exclusive` one only counts as the first.
 */
export function compileIpTree<I, A>(
  config: NamedConfig,
  read: (input: I) => string | undefined,
  compile: CompileResult<I, A>,
  scope: Scope,
): Tree<I, A> | undefined {
  const matcher = messageOf<IPMatcher>(config.typedConfig, "xds.type.matcher.v3.IPMatcher", scope);
  if (matcher === undefined) return undefined;
  const entries: Entry<I, A>[] = [];
  matcher.rangeMatchers?.forEach((one, i) => {
    const where = scope.item("range_matchers", i);
    const result = compile(one.onMatch, where.field("on_match"));
    one.ranges?.forEach((cidr, j) => {
      const range = compileRange(cidr, where.item("ranges", j));
      if (range !== undefined) entries.push({ range, exclusive: one.exclusive === true, result });
    });
  });
  entries.sort((a, b) => b.range.length - a.range.length);
  return (input) => {
    const address = parseAddress(read(input));
    if (address === undefined) return undefined;
    let first = true;
    for (const entry of entries) {
      if (!inRange(address, entry.range)) continue;
      if (!first && entry.exclusive) continue;
      first = false;
      const result = entry.result(input);
      if (result !== undefined) return result;
    }
    return undefined;
  };
}

import type { ServerNameMatcher } from "@weftmesh/xds-types/xds/type/matcher/v3";
import { asciiLower } from "../ascii.js";
import { messageOf, type NamedConfig } from "../extension.js";
import type { Scope } from "../scope.js";
import type { CompileResult, Tree } from "./tree.js";

/** Compiles a ServerNameMatcher: exact, then `*.` suffixes from longest, label by label, then `*`. */
export function compileServerNameTree<I, A>(
  config: NamedConfig,
  read: (input: I) => string | undefined,
  compile: CompileResult<I, A>,
  scope: Scope,
): Tree<I, A> | undefined {
  const matcher =
    messageOf<ServerNameMatcher>(config.typedConfig, "xds.type.matcher.v3.ServerNameMatcher", scope) ??
    messageOf<ServerNameMatcher>(config.typedConfig, "xds.type.matcher.v3.DomainMatcher", scope);
  if (matcher === undefined) return undefined;
  const byDomain = new Map<string, Tree<I, A>>();
  matcher.domainMatchers?.forEach((one, i) => {
    const where = scope.item("domain_matchers", i);
    const result = compile(one.onMatch, where.field("on_match"));
    one.domains?.forEach((domain, j) => {
      const at = where.item("domains", j);
      const lower = asciiLower(domain);
      if (lower !== "*" && lower.replace(/^\*\./, "").includes("*")) {
        at.report("ERR_ROUTER_UNSUPPORTED", `partial wildcards are not supported, got ${JSON.stringify(domain)}`);
      } else if (byDomain.has(lower)) {
        at.report("ERR_ROUTER_DOMAIN_DUPLICATE", `expected unique domains, got ${JSON.stringify(domain)} twice`);
      } else byDomain.set(lower, result);
    });
  });
  return (input) => {
    const name = read(input);
    if (name === undefined) return undefined;
    const host = asciiLower(name);
    const exact = byDomain.get(host)?.(input);
    if (exact !== undefined) return exact;
    for (let dot = host.indexOf("."); dot >= 0; dot = host.indexOf(".", dot + 1)) {
      const result = byDomain.get(`*${host.slice(dot)}`)?.(input);
      if (result !== undefined) return result;
    }
    return byDomain.get("*")?.(input);
  };
}

import type { FilterChainMatch as FilterChainMatchMessage } from "@weftmesh/xds-types/envoy/config/listener/v3";
import { asciiLower } from "../ascii.js";
import { compileRange, type Range } from "../match/address.js";
import type { Scope } from "../scope.js";

/** Where a chain comes from: `SAME_IP_OR_LOOPBACK`, `EXTERNAL` or anywhere. */
export type SourceType = "ANY" | "SAME_IP_OR_LOOPBACK" | "EXTERNAL";

const sourceTypes: readonly SourceType[] = ["ANY", "SAME_IP_OR_LOOPBACK", "EXTERNAL"];

/** The criteria of one chain, each list with its one entry for "any" if nothing is asked. Server names keep the dot of `*.`. */
export interface Criteria {
  readonly port: number;
  readonly destinations: readonly (Range | undefined)[];
  readonly serverNames: readonly string[];
  readonly transport: string;
  readonly protocols: readonly string[];
  readonly directSources: readonly (Range | undefined)[];
  readonly sourceType: SourceType;
  readonly sources: readonly (Range | undefined)[];
  readonly sourcePorts: readonly number[];
}

/** Reads a FilterChainMatch. */
export function compileCriteria(match: FilterChainMatchMessage, scope: Scope): Criteria {
  if ((match.addressSuffix ?? "") !== "")
    scope.field("address_suffix").report("ERR_ROUTER_UNSUPPORTED", "is not implemented");
  if (match.suffixLen !== undefined) scope.field("suffix_len").report("ERR_ROUTER_UNSUPPORTED", "is not implemented");
  const ranges = (list: FilterChainMatchMessage["prefixRanges"], field: string): readonly (Range | undefined)[] =>
    orAny(
      (list ?? []).map((range, i) => compileRange(range, scope.item(field, i))),
      undefined,
    );
  const type = match.sourceType ?? "ANY";
  return {
    port: match.destinationPort ?? 0,
    destinations: ranges(match.prefixRanges, "prefix_ranges"),
    serverNames: orAny(
      (match.serverNames ?? []).map((name, i) => serverName(name, scope.item("server_names", i))),
      "",
    ),
    transport: match.transportProtocol ?? "",
    protocols: orAny(match.applicationProtocols ?? [], ""),
    directSources: ranges(match.directSourcePrefixRanges, "direct_source_prefix_ranges"),
    sourceType: (typeof type === "number" ? sourceTypes[type] : type) ?? "ANY",
    sources: ranges(match.sourcePrefixRanges, "source_prefix_ranges"),
    sourcePorts: orAny(match.sourcePorts ?? [], 0),
  };
}

function orAny<T>(list: readonly T[], any: T): readonly T[] {
  return list.length === 0 ? [any] : list;
}

function serverName(name: string, scope: Scope): string {
  const lower = asciiLower(name);
  if (!lower.includes("*")) return lower;
  if (!lower.startsWith("*.") || lower.indexOf("*", 1) >= 0) {
    scope.report(
      "ERR_ROUTER_UNSUPPORTED",
      `partial wildcards are not supported in server_names, got ${JSON.stringify(name)}`,
    );
  }
  return lower.slice(1);
}

/** All criteria as one text: chains with the same text are duplicates. */
export function criteriaKey(criteria: Criteria): string {
  return JSON.stringify(criteria);
}

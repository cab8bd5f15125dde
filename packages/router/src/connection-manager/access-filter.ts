import type { AccessLogFilter, ComparisonFilter } from "@weftmesh/xds-types/envoy/config/accesslog/v3";
import type { FormatInput } from "../format/values.js";
import { runtimeInteger } from "../match/fraction.js";
import { compileHeader } from "../match/header.js";
import type { Scope } from "../scope.js";
import type { Surroundings } from "../surroundings.js";

/** Whether a response is meant. */
export type AccessFilter = (input: FormatInput) => boolean;

/** Compiles an access-log filter as far as it can speak about a local reply. */
export function compileAccessFilter(
  filter: AccessLogFilter | undefined,
  scope: Scope,
  surroundings: Surroundings,
): AccessFilter {
  if (filter?.statusCodeFilter !== undefined) {
    const compare = compileComparison(filter.statusCodeFilter.comparison, surroundings);
    return (input) => compare(input.status);
  }
  if (filter?.headerFilter?.header !== undefined) {
    const test = compileHeader(filter.headerFilter.header, scope.field("header_filter").field("header"), surroundings);
    return (input) => test(input.facts);
  }
  if (filter?.responseFlagFilter !== undefined) {
    const wanted = filter.responseFlagFilter.flags ?? [];
    return (input) => {
      const flags = (input.flags ?? "-").split(",").filter((flag) => flag !== "-" && flag !== "");
      return wanted.length === 0 ? flags.length > 0 : flags.some((flag) => wanted.includes(flag));
    };
  }
  if (filter?.andFilter !== undefined) {
    const parts = (filter.andFilter.filters ?? []).map((one, i) =>
      compileAccessFilter(one, scope.item("and_filter.filters", i), surroundings),
    );
    return (input) => parts.every((part) => part(input));
  }
  if (filter?.orFilter !== undefined) {
    const parts = (filter.orFilter.filters ?? []).map((one, i) =>
      compileAccessFilter(one, scope.item("or_filter.filters", i), surroundings),
    );
    return (input) => parts.some((part) => part(input));
  }
  if (filter?.notHealthCheckFilter !== undefined) return () => true;
  scope.report("ERR_ROUTER_UNSUPPORTED", "expected a status, header, flag, and or or filter");
  return () => false;
}

function compileComparison(
  comparison: ComparisonFilter | undefined,
  surroundings: Surroundings,
): (status: number) => boolean {
  const op = comparison?.op ?? "EQ";
  const fallback = comparison?.value?.defaultValue ?? 0;
  const key = comparison?.value?.runtimeKey ?? "";
  return (status) => {
    const value = runtimeInteger(surroundings.runtime, key) ?? fallback;
    if (op === "GE" || op === 1) return status >= value;
    if (op === "LE" || op === 2) return status <= value;
    if (op === "NE" || op === 3) return status !== value;
    return status === value;
  };
}

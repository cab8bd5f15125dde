import type { RuntimeFractionalPercent } from "@weftmesh/xds-types/envoy/config/core/v3";
import type { FractionalPercent } from "@weftmesh/xds-types/envoy/type/v3";
import type { Scope } from "../scope.js";
import type { Runtime, Surroundings } from "../surroundings.js";

/** Whether chance lets something happen, given the request's random integer. */
export type FractionTest = (random: number) => boolean;

const denominators: Readonly<Record<string, number>> = { HUNDRED: 100, TEN_THOUSAND: 10_000, MILLION: 1_000_000 };

/** The denominator's number; an unknown one counts as 100, as in Envoy. */
function denominatorOf(percent: FractionalPercent | undefined): number {
  const name = percent?.denominator ?? "HUNDRED";
  if (typeof name === "number") return [100, 10_000, 1_000_000][name] ?? 100;
  return denominators[name] ?? 100;
}

/** Chance as a share of one: for explanations and for mirrors without runtime. */
export function fractionOf(percent: FractionalPercent | undefined): number {
  return (percent?.numerator ?? 0) / denominatorOf(percent);
}

/** Whether `random` falls into the fraction: `random % denominator < numerator`, as the code does; the proto comment says `<=`. */
export function inFraction(percent: FractionalPercent | undefined, random: number): boolean {
  return random % denominatorOf(percent) < (percent?.numerator ?? 0);
}

/**
 * Compiles a RuntimeFractionalPercent. The runtime value, if its key is set, is an integer percentage or a FractionalPercent; any
 * other value leaves the default in force.
 */
export function compileFraction(
  fraction: RuntimeFractionalPercent,
  scope: Scope,
  surroundings: Surroundings,
): FractionTest {
  if (fraction.defaultValue === undefined) {
    scope.field("default_value").report("ERR_ROUTER_FIELD_INVALID", "expected a value, got none");
  }
  const key = fraction.runtimeKey ?? "";
  const numerator = fraction.defaultValue?.numerator ?? 0;
  const denominator = denominatorOf(fraction.defaultValue);
  const byDefault: FractionTest = (random) => random % denominator < numerator;
  if (key === "") return byDefault;
  return (random) => fromRuntime(surroundings.runtime, key, random) ?? byDefault(random);
}

function fromRuntime(runtime: Runtime, key: string, random: number): boolean | undefined {
  const value = runtime(key);
  if (value === undefined || typeof value === "boolean") return undefined;
  if (typeof value === "object") return inFraction(value as FractionalPercent, random);
  const percent = typeof value === "number" ? value : /^\d+$/.test(value) ? Number(value) : undefined;
  // 0.5 acted as 0 on the real program: the fraction is cut off.
  return percent === undefined || percent < 0 || Number.isNaN(percent) ? undefined : random % 100 < Math.trunc(percent);
}

/** A runtime key that holds an integer; text of digits counts. */
export function runtimeInteger(runtime: Runtime, key: string): number | undefined {
  const value = key === "" ? undefined : runtime(key);
  if (typeof value === "number") return value >= 0 ? Math.trunc(value) : undefined;
  return typeof value === "string" && /^\d+$/.test(value) ? Number(value) : undefined;
}

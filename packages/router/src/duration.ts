import type { Scope } from "./scope.js";

/** A protobuf Duration as plain data. */
interface DurationLike {
  readonly seconds?: bigint | undefined;
  readonly nanos?: number | undefined;
}

/** Reports a duration below zero, which Envoy refuses wherever it measures time with it. */
export function checkDuration(duration: DurationLike | undefined, scope: Scope): void {
  const negative = (duration?.seconds ?? 0n) < 0n || (duration?.nanos ?? 0) < 0;
  if (negative) scope.report("ERR_ROUTER_FIELD_INVALID", "expected a duration of at least 0, got a negative one");
}

/** Whole milliseconds of a Duration, as Envoy reads most of them; `undefined` if it is absent. */
export function durationMs(duration: DurationLike | undefined): number | undefined {
  if (duration === undefined) return undefined;
  return Number(duration.seconds ?? 0n) * 1000 + Math.trunc((duration.nanos ?? 0) / 1e6);
}

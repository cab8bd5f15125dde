/** A protobuf Duration as plain data. */
interface DurationLike {
  readonly seconds?: bigint | undefined;
  readonly nanos?: number | undefined;
}

/** Whole milliseconds of a Duration, as Envoy reads most of them; `undefined` if it is absent. */
export function durationMs(duration: DurationLike | undefined): number | undefined {
  if (duration === undefined) return undefined;
  return Number(duration.seconds ?? 0n) * 1000 + Math.trunc((duration.nanos ?? 0) / 1e6);
}

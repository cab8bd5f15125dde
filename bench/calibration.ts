import type { OperationVariant } from "./row.js";

/**
 * CPU nanoseconds of one pass of the calibration loop on the reference machine (2 cores, node 20.20.2), on which the
 * absolute figures of the specifications were taken.
 */
export const REFERENCE_NS = 125_000;

/**
 * A fixed amount of what the packages do all day: integer arithmetic, look-ups in a map by string, short-lived objects.
 * An absolute bar is multiplied by how much slower than the reference machine this loop runs.
 */
export const calibrationLoop: OperationVariant = {
  name: "calibration loop",
  prepare() {
    const keys = Array.from({ length: 512 }, (_, i) => `/service-${i}/v${i % 7}`);
    const index = new Map(keys.map((key, i) => [key, i]));
    return () => {
      let state = 2_463_534_242;
      let sum = 0;
      for (let i = 0; i < 4096; i += 1) {
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        const key = keys[state & 511] ?? "";
        const found = { index: index.get(key) ?? 0, length: key.length };
        sum = (sum + found.index + found.length) | 0;
      }
      return sum;
    };
  },
};

/** Whether a figure in this unit depends on the speed of the machine. Memory and shares do not. */
export function scalesWithSpeed(unit: string): boolean {
  return unit.endsWith("/s") || ["ns", "µs", "us", "ms", "s"].includes(unit);
}

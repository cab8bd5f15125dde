/** Where a root roll stands. */
export interface RollStatus {
  /** `idle`: one root. `prepared`: two trusted, the old one issues. `active`: two trusted, the new one issues. */
  readonly phase: "idle" | "prepared" | "active";
  /** Grows with each change of the bundle. */
  readonly bundleVersion: number;
  /** Holders that have not acknowledged the current bundle. */
  readonly pending: readonly string[];
  /** When the last leaf of the old root ends, milliseconds since 1970; 0 if there is none. */
  readonly oldLeavesUntil: number;
}

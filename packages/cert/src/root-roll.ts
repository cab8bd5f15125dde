import { CertError } from "./errors.js";

/** Where a root roll stands. */
export interface RollStatus {
  /** `idle`: one root. `prepared`: two trusted, the old one issues. `active`: two trusted, the new one issues. */
  readonly phase: "idle" | "prepared" | "active";
  /** Grows with each change of the bundle. */
  readonly bundleVersion: number;
  /** Known holders of the bundle that have not acknowledged the current version. */
  readonly pending: readonly string[];
  /** When the last leaf of the outgoing root ends, milliseconds since 1970; 0 if there is none. */
  readonly oldLeavesUntil: number;
}

/** The state of the roll: plain data, so that it can be kept and taken up again after a crash. */
export interface RollState {
  /** As in {@link RollStatus.phase}. */
  readonly phase: RollStatus["phase"];
  /** As in {@link RollStatus.bundleVersion}. */
  readonly bundleVersion: number;
  /** Known holders of the bundle, with the last version each acknowledged. */
  readonly holders: Readonly<Record<string, number>>;
  /** When the last leaf of the root that issues now ends. */
  readonly leavesUntil: number;
  /** When the last leaf of the root that issued before ends. */
  readonly oldLeavesUntil: number;
}

/** What can happen to a roll. */
export type RollEvent =
  | { readonly kind: "prepare"; readonly force?: boolean }
  | { readonly kind: "acknowledge"; readonly holder: string; readonly bundleVersion: number }
  | { readonly kind: "forget"; readonly holder: string }
  | { readonly kind: "activate"; readonly force: boolean }
  | { readonly kind: "retire"; readonly force: boolean }
  | { readonly kind: "issued" | "issued-before"; readonly notAfter: number };

/** One root, nobody knows of it yet. */
export const initialRoll: RollState = {
  phase: "idle",
  bundleVersion: 1,
  holders: {},
  leavesUntil: 0,
  oldLeavesUntil: 0,
};

function refuse(problem: string): CertError {
  return new CertError("ERR_CERT_ROLL_STATE", "roll", problem);
}

/** What the state looks like from outside. */
export function rollStatus(state: RollState): RollStatus {
  const pending = Object.entries(state.holders)
    .filter(([, version]) => version < state.bundleVersion)
    .map(([holder]) => holder)
    .sort();
  const oldLeavesUntil = state.phase === "active" ? state.oldLeavesUntil : 0;
  return { phase: state.phase, bundleVersion: state.bundleVersion, pending, oldLeavesUntil };
}

/**
 * Takes one step. First both roots are distributed, then the new one issues, and only when no leaf of the old one is
 * left does the old one go: at no moment can a peer meet a certificate that it cannot verify.
 *
 * @param now - Milliseconds since 1970.
 * @throws {@link CertError} `ERR_CERT_ROLL_STATE` if the step is not due.
 */
export function stepRoll(state: RollState, event: RollEvent, now: number): RollState {
  switch (event.kind) {
    case "issued":
      return { ...state, leavesUntil: Math.max(state.leavesUntil, event.notAfter) };
    case "issued-before":
      return { ...state, oldLeavesUntil: Math.max(state.oldLeavesUntil, event.notAfter) };
    case "acknowledge": {
      if (event.bundleVersion > state.bundleVersion) {
        throw refuse(
          `${event.holder} acknowledges bundle ${event.bundleVersion}, the current one is ${state.bundleVersion}`,
        );
      }
      const known = Object.hasOwn(state.holders, event.holder) ? (state.holders[event.holder] ?? 0) : 0;
      const holders = { ...state.holders, [event.holder]: Math.max(known, event.bundleVersion) };
      return { ...state, holders };
    }
    case "forget": {
      const holders = Object.fromEntries(Object.entries(state.holders).filter(([holder]) => holder !== event.holder));
      return { ...state, holders };
    }
    case "prepare":
      if (state.phase !== "idle") throw refuse(`expected phase idle, a roll is ${state.phase}`);
      return { ...state, phase: "prepared", bundleVersion: state.bundleVersion + 1 };
    case "activate": {
      if (state.phase !== "prepared") throw refuse(`expected phase prepared, it is ${state.phase}`);
      const { pending } = rollStatus(state);
      if (pending.length > 0 && !event.force) {
        throw refuse(`${pending.length} holders have not got the new root: ${pending.slice(0, 5).join(", ")}`);
      }
      return { ...state, phase: "active", oldLeavesUntil: state.leavesUntil, leavesUntil: 0 };
    }
    case "retire":
      if (state.phase !== "active") throw refuse(`expected phase active, it is ${state.phase}`);
      if (now <= state.oldLeavesUntil && !event.force) {
        const seconds = Math.ceil((state.oldLeavesUntil - now) / 1000);
        throw refuse(`leaves of the old root are valid for another ${seconds} s`);
      }
      return { ...state, phase: "idle", bundleVersion: state.bundleVersion + 1, oldLeavesUntil: 0 };
  }
}

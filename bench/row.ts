/**
 * What a `*.bench.ts` file exports: `export const rows: readonly Row[]`. A row sets ours against peers (or a named
 * baseline) in the same run: every variant lives in its own process, and the rounds of all variants take turns.
 */

/**
 * What a comparison must hold.
 *
 * - `ratio`: the cost of ours divided by the cost of the peer is at most `max`. Where higher is better the cost is the
 *   inverse, so 1.5 means "at least two thirds of the peer's rate".
 * - `absolute`: ours is at most `max`, in the row's unit (at least `max` where higher is better), on the reference
 *   machine. Times and rates are scaled by the calibration loop, which then runs as one more variant of the row.
 */
export interface Bar {
  readonly kind: "ratio" | "absolute";
  readonly max: number;
}

/** A piece of work that is repeated until a round is long enough to time. Its result is kept from the optimiser. */
export type Operation = () => unknown;

/** One side of an {@link OperationRow}. */
export interface OperationVariant {
  readonly name: string;
  /** Builds the input once, in the process that measures this variant alone. */
  prepare(): Operation | Promise<Operation>;
}

/** A microbenchmark: CPU time of a function, in nanoseconds. How often it is called per round is found by itself. */
export interface OperationRow {
  readonly kind: "operation";
  /** Unique over all files, says what is done and to how much: `route match, 1,000 prefixes, last hits`. */
  readonly name: string;
  readonly ours: OperationVariant;
  readonly against: readonly (OperationVariant & { readonly bar: Bar })[];
  /** How many of the things the name speaks of one call does; the time is divided by it. Default 1. */
  readonly perCall?: number;
  /** Await each call before the next. Default false: the operation is synchronous. */
  readonly awaited?: boolean;
  /** At least, and by default, {@link MIN_ROUNDS}. */
  readonly rounds?: number;
}

/** A measurement of a whole: start-up, request rate, memory. */
export interface Measurement {
  /** One round: does the work and returns the value in the row's unit. */
  measure(): number | Promise<number>;
  /** Ends what `prepare` started. */
  close?(): void | Promise<void>;
}

/** One side of a {@link MeasurementRow}. */
export interface MeasurementVariant {
  readonly name: string;
  /** Starts what is measured (servers, load), in a process of this variant alone. */
  prepare(): Measurement | Promise<Measurement>;
}

/** A row whose variants return their figure themselves. */
export interface MeasurementRow {
  readonly kind: "measurement";
  /** Unique over all files. */
  readonly name: string;
  /** `ms`, `req/s`, `MB` … */
  readonly unit: string;
  readonly better: "lower" | "higher";
  readonly ours: MeasurementVariant;
  readonly against: readonly (MeasurementVariant & { readonly bar: Bar })[];
  /** At least, and by default, {@link MIN_ROUNDS}. */
  readonly rounds?: number;
}

/** One line (or, with several peers, several lines) of the results. */
export type Row = OperationRow | MeasurementRow;

/** Rounds of every variant of a row. */
export const MIN_ROUNDS = 15;

/** The unit of a row's figures. */
export function unitOf(row: Row): string {
  return row.kind === "operation" ? "ns" : row.unit;
}

/** Whether a larger figure is the better one. */
export function higherIsBetter(row: Row): boolean {
  return row.kind === "measurement" && row.better === "higher";
}

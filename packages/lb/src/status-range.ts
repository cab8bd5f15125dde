/** A range of HTTP statuses: from the start up to, but not including, the end. */
export interface StatusRange {
  /** First status, 100–599. */
  readonly start: number;
  /** One past the last, at most 600. */
  readonly end: number;
}

/** Whether a status is in one of the ranges. */
export function isInRanges(status: number, ranges: readonly StatusRange[]): boolean {
  return ranges.some(({ start, end }) => status >= start && status < end);
}

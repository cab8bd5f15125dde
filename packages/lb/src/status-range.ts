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

/** Whether each part occurs in the data after the one before it. No parts match anything. */
export function matchesInOrder(data: Uint8Array, parts: readonly Uint8Array[]): boolean {
  let from = 0;
  for (const part of parts) {
    const at = indexOf(data, part, from);
    if (at < 0) return false;
    from = at + part.length;
  }
  return true;
}

function indexOf(data: Uint8Array, part: Uint8Array, from: number): number {
  for (let start = from; start + part.length <= data.length; start++) {
    let length = 0;
    while (length < part.length && data[start + length] === part[length]) length += 1;
    if (length === part.length) return start;
  }
  return -1;
}

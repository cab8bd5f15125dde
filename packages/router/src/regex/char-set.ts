/** Ranges of bytes, ascending and not touching: low, high, low, high, … */
export type Ranges = readonly number[];

/** A set of bytes while it is put together. */
export class CharSet {
  readonly #has = new Uint8Array(256);

  /** Adds a range; what lies above 0xff is not a byte and is left out. */
  add(low: number, high: number): void {
    for (let byte = low; byte <= high && byte < 256; byte++) this.#has[byte] = 1;
  }

  /** Adds a range in both cases of its ASCII letters. */
  addFolded(low: number, high: number): void {
    for (let byte = low; byte <= high && byte < 256; byte++) {
      this.#has[byte] = 1;
      if (byte >= 65 && byte <= 90) this.#has[byte + 32] = 1;
      if (byte >= 97 && byte <= 122) this.#has[byte - 32] = 1;
    }
  }

  /** Adds the bytes of ranges, or all others. */
  addRanges(ranges: Ranges, sign: boolean, fold: boolean): void {
    const wanted = sign ? ranges : invert(ranges);
    for (let i = 0; i < wanted.length; i += 2) {
      const low = wanted[i] as number;
      const high = wanted[i + 1] as number;
      if (fold) this.addFolded(low, high);
      else this.add(low, high);
    }
  }

  /** Turns the set round. */
  negate(): void {
    for (let byte = 0; byte < 256; byte++) this.#has[byte] = this.#has[byte] === 1 ? 0 : 1;
  }

  /** The set as ranges. */
  toRanges(): Ranges {
    const out: number[] = [];
    for (let byte = 0; byte < 256; byte++) {
      if (this.#has[byte] === 0) continue;
      const low = byte;
      while (byte + 1 < 256 && this.#has[byte + 1] === 1) byte++;
      out.push(low, byte);
    }
    return out;
  }
}

/** All bytes that the ranges leave out. */
export function invert(ranges: Ranges): Ranges {
  const set = new CharSet();
  for (let i = 0; i < ranges.length; i += 2) set.add(ranges[i] as number, ranges[i + 1] as number);
  set.negate();
  return set.toRanges();
}

/** How many bytes the ranges hold. */
export function countOf(ranges: Ranges): number {
  let count = 0;
  for (let i = 0; i < ranges.length; i += 2) count += (ranges[i + 1] as number) - (ranges[i] as number) + 1;
  return count;
}

/** Whether A–Z and a–z are in it alike, letter by letter. */
export function foldsAscii(ranges: Ranges): boolean {
  const has = (byte: number): boolean => {
    for (let i = 0; i < ranges.length; i += 2) {
      if (byte >= (ranges[i] as number) && byte <= (ranges[i + 1] as number)) return true;
    }
    return false;
  };
  for (let upper = 65; upper <= 90; upper++) if (has(upper) !== has(upper + 32)) return false;
  return true;
}

import { type HashFunction, NumberedKeyHasher } from "./hash/hash-text.js";
import { Word64 } from "./hash/word64.js";

/** A host as the ring sees it. */
export interface WeightedKey {
  /** What is hashed. */
  readonly key: string;
  /** Share of the whole, above 0; all shares together are 1. */
  readonly weight: number;
}

/** Sizes and function of a ring. */
export interface RingOptions {
  /** Default: `"XX_HASH"`. */
  readonly hashFunction?: HashFunction;
  /** Entries to have at least. Default: 1024. */
  readonly minimumRingSize?: number;
  /** Entries to have at most. Default: 8388608. */
  readonly maximumRingSize?: number;
}

/** The largest ring Envoy allows. */
export const MAX_RING_SIZE: number = 8 * 1024 * 1024;

/** Hosts on a circle of hashes; a request belongs to the first entry at or after its own hash. */
export interface HashRing {
  /** Number of entries. */
  readonly size: number;
  /** Entries of the host that has fewest. */
  readonly minHashesPerHost: number;
  /** Entries of the host that has most. */
  readonly maxHashesPerHost: number;
  /** Upper halves of the entries' hashes, in order. */
  readonly hi: Uint32Array;
  /** Lower halves. */
  readonly lo: Uint32Array;
  /** Index of each entry's host in the list the ring was made from. */
  readonly hosts: Uint32Array;
  /** Index of the host for a hash, `attempt` entries further; −1 if the ring is empty. Allocates nothing. */
  choose(hi: number, lo: number, attempt: number): number;
}

/**
 * Lays out a Ketama-like ring: each host gets entries in proportion to its weight, at the hashes of `<key>_0`,
 * `<key>_1` and so on.
 *
 * @see https://github.com/envoyproxy/envoy/blob/main/source/extensions/load_balancing_policies/ring_hash/ring_hash_lb.cc
 */
export function createHashRing(entries: readonly WeightedKey[], options: RingOptions = {}): HashRing {
  const unsorted = layOut(entries, options);
  const size = unsorted.hosts.length;
  // Hashes are uniform: with a bucket for each entry a sort is one pass and a lookup a step or two.
  const bucketBits = Math.min(24, Math.max(1, 32 - Math.clz32(size)));
  const shift = 32 - bucketBits;
  const bucketStart = new Uint32Array(2 ** bucketBits + 1);
  const { hi, lo, hosts } = sortIntoBuckets(unsorted, shift, bucketStart);
  return {
    size,
    minHashesPerHost: unsorted.min,
    maxHashesPerHost: unsorted.max,
    hi,
    lo,
    hosts,
    choose(hashHi, hashLo, attempt) {
      if (size === 0) return -1;
      const wantedHi = hashHi >>> 0;
      const wantedLo = hashLo >>> 0;
      const bucket = wantedHi >>> shift;
      const end = bucketStart[bucket + 1] as number;
      let entry = bucketStart[bucket] as number;
      while (entry < end && isBelow(hi[entry] as number, lo[entry] as number, wantedHi, wantedLo)) entry += 1;
      entry += attempt;
      return hosts[entry < size ? entry : entry % size] as number;
    },
  };
}

interface Entries {
  readonly hi: Uint32Array;
  readonly lo: Uint32Array;
  readonly hosts: Uint32Array;
}

function layOut(entries: readonly WeightedKey[], options: RingOptions): Entries & { min: number; max: number } {
  if (entries.length === 0) {
    const none = new Uint32Array(0);
    return { hi: none, lo: none, hosts: none, min: 0, max: 0 };
  }
  let minWeight = Number.POSITIVE_INFINITY;
  for (const { weight } of entries) minWeight = Math.min(minWeight, weight);
  const minimum = options.minimumRingSize ?? 1024;
  const maximum = options.maximumRingSize ?? MAX_RING_SIZE;
  const scale = Math.min(Math.ceil(minWeight * minimum) / minWeight, maximum);
  // The running sum may end a rounding error above the size, and Envoy then emits one entry more.
  const size = Math.ceil(scale) + 1;
  const hi = new Uint32Array(size);
  const lo = new Uint32Array(size);
  const hosts = new Uint32Array(size);
  const hasher = new NumberedKeyHasher(options.hashFunction ?? "XX_HASH");
  const word = new Word64(0, 0);
  let current = 0;
  let target = 0;
  let min = Number.POSITIVE_INFINITY;
  let max = 0;
  for (const [index, { key, weight }] of entries.entries()) {
    hasher.setKey(key);
    // A running sum over all hosts, so that rounding does not take entries away from any one of them.
    target += scale * weight;
    let count = 0;
    for (; current < target && current < size; current++) {
      hasher.hashNumber(count++, word);
      hi[current] = word.hi;
      lo[current] = word.lo;
      hosts[current] = index;
    }
    min = Math.min(min, count);
    max = Math.max(max, count);
  }
  const filled = (array: Uint32Array): Uint32Array => (current === size ? array : array.slice(0, current));
  return { hi: filled(hi), lo: filled(lo), hosts: filled(hosts), min, max };
}

/** Counting sort by the upper bits, then insertion sort within each bucket; equal hashes keep their order. */
function sortIntoBuckets(entries: Entries, shift: number, bucketStart: Uint32Array): Entries {
  const size = entries.hosts.length;
  const sorted = { hi: new Uint32Array(size), lo: new Uint32Array(size), hosts: new Uint32Array(size) };
  for (let entry = 0; entry < size; entry++) {
    const bucket = (entries.hi[entry] as number) >>> shift;
    bucketStart[bucket + 1] = (bucketStart[bucket + 1] as number) + 1;
  }
  for (let bucket = 1; bucket < bucketStart.length; bucket++) {
    bucketStart[bucket] = (bucketStart[bucket] as number) + (bucketStart[bucket - 1] as number);
  }
  const end = bucketStart.slice();
  for (let entry = 0; entry < size; entry++) {
    const hi = entries.hi[entry] as number;
    const lo = entries.lo[entry] as number;
    const bucket = hi >>> shift;
    const first = bucketStart[bucket] as number;
    let slot = end[bucket] as number;
    end[bucket] = slot + 1;
    for (; slot > first && isBelow(hi, lo, sorted.hi[slot - 1] as number, sorted.lo[slot - 1] as number); slot--) {
      sorted.hi[slot] = sorted.hi[slot - 1] as number;
      sorted.lo[slot] = sorted.lo[slot - 1] as number;
      sorted.hosts[slot] = sorted.hosts[slot - 1] as number;
    }
    sorted.hi[slot] = hi;
    sorted.lo[slot] = lo;
    sorted.hosts[slot] = entries.hosts[entry] as number;
  }
  return sorted;
}

function isBelow(aHi: number, aLo: number, bHi: number, bLo: number): boolean {
  return aHi < bHi || (aHi === bHi && aLo < bLo);
}

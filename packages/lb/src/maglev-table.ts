import { xxHash64 } from "./hash/hash-text.js";
import { Modulus } from "./hash/hash64.js";
import type { WeightedKey } from "./hash-ring.js";

/** Size of a Maglev table unless configured otherwise. */
export const DEFAULT_TABLE_SIZE = 65537;

/** The largest table Envoy allows. */
export const MAX_TABLE_SIZE = 5_000_011;

/** A table of hosts; a request belongs to the slot at its hash modulo the size. */
export interface MaglevTable {
  /** Number of slots. */
  readonly size: number;
  /** Slots of the host that has fewest. */
  readonly minEntriesPerHost: number;
  /** Slots of the host that has most. */
  readonly maxEntriesPerHost: number;
  /** Index of each slot's host in the list the table was made from. */
  readonly slots: Uint16Array | Uint32Array;
  /** Index of the host for a hash; −1 if the table is empty. Allocates nothing. */
  choose(hi: number, lo: number, attempt: number): number;
}

/**
 * Fills a Maglev table. Hosts take turns in the order of their keys, heavier ones more often, and each takes the next
 * free slot of its own permutation.
 *
 * @param tableSize - A prime up to 5000011. Default: 65537.
 * @see https://github.com/envoyproxy/envoy/blob/main/source/extensions/load_balancing_policies/maglev/maglev_lb.cc
 */
export function createMaglevTable(
  entries: readonly WeightedKey[],
  tableSize: number = DEFAULT_TABLE_SIZE,
): MaglevTable {
  const count = entries.length;
  const size = count === 0 ? 0 : tableSize;
  const slots = count <= 0x10000 ? new Uint16Array(size) : new Uint32Array(size);
  const taken = new Int32Array(count);
  if (count > 0) fill(entries, size, slots, taken);
  const modulus = new Modulus(Math.max(size, 1));
  return {
    size,
    minEntriesPerHost: count === 0 ? 0 : taken.reduce((least, each) => Math.min(least, each), size),
    maxEntriesPerHost: taken.reduce((most, each) => Math.max(most, each), 0),
    slots,
    choose(hi, lo, attempt) {
      if (size === 0) return -1;
      if (attempt === 0) return slots[modulus.of(hi, lo)] as number;
      // Envoy mixes a retry's attempt in as the two's complement of its number.
      return slots[modulus.of(~hi, lo ^ -attempt)] as number;
    },
  };
}

function fill(
  entries: readonly WeightedKey[],
  size: number,
  slots: Uint16Array | Uint32Array,
  taken: Int32Array,
): void {
  const order = Array.from(entries, (_, index) => index);
  order.sort((a, b) => compareBytes((entries[a] as WeightedKey).key, (entries[b] as WeightedKey).key));
  const count = order.length;
  const position = new Uint32Array(count);
  const skip = new Uint32Array(count);
  const weight = new Float64Array(count);
  const target = new Float64Array(count);
  const whole = new Modulus(size);
  const less = new Modulus(size - 1);
  let maxWeight = 0;
  for (const [turn, index] of order.entries()) {
    const entry = entries[index] as WeightedKey;
    const first = xxHash64(entry.key);
    const second = xxHash64(entry.key, { hi: 0, lo: 1 });
    position[turn] = whole.of(first.hi, first.lo);
    skip[turn] = less.of(second.hi, second.lo) + 1;
    weight[turn] = entry.weight;
    maxWeight = Math.max(maxWeight, entry.weight);
  }
  const occupied = new Uint8Array(size);
  let filled = 0;
  for (let iteration = 1; filled < size; iteration++) {
    for (let turn = 0; turn < count && filled < size; turn++) {
      // The heaviest host takes a slot in every iteration, one of a third of its weight in every third.
      if (iteration * (weight[turn] as number) < (target[turn] as number)) continue;
      target[turn] = (target[turn] as number) + maxWeight;
      let slot = position[turn] as number;
      const step = skip[turn] as number;
      while (occupied[slot]) {
        slot += step;
        if (slot >= size) slot -= size;
      }
      const index = order[turn] as number;
      occupied[slot] = 1;
      slots[slot] = index;
      taken[index] = (taken[index] as number) + 1;
      filled += 1;
      slot += step;
      position[turn] = slot >= size ? slot - size : slot;
    }
  }
}

/** Order of two texts by their UTF-8 bytes, which is that of their code points, not of their UTF-16 units. */
export function compareBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const difference = byteRank(a.charCodeAt(index)) - byteRank(b.charCodeAt(index));
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above all others. */
function byteRank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** Whether a table size is a prime. */
export function isPrime(value: number): boolean {
  if (value < 2 || value % 2 === 0) return value === 2;
  for (let divisor = 3; divisor * divisor <= value; divisor += 2) if (value % divisor === 0) return false;
  return true;
}

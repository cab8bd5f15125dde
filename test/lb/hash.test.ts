import {
  createHashRing,
  createMaglevTable,
  hash64FromBigInt,
  hash64ToBigInt,
  type WeightedKey,
  xxHash64,
} from "@weftmesh/lb";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const MASK = 2n ** 64n - 1n;
const P = [0x9e3779b185ebca87n, 0xc2b2ae3d27d4eb4fn, 0x165667b19e3779f9n, 0x85ebca77c2b2ae63n, 0x27d4eb2f165667c5n];
const [P1, P2, P3, P4, P5] = P as [bigint, bigint, bigint, bigint, bigint];

const rotate = (value: bigint, bits: bigint): bigint => ((value << bits) | (value >> (64n - bits))) & MASK;
const round = (acc: bigint, lane: bigint): bigint => (rotate((acc + lane * P2) & MASK, 31n) * P1) & MASK;

/** The specification of xxHash64 written down with big integers. */
function reference(bytes: Uint8Array, seed: bigint): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = 0;
  let hash = (seed + P5) & MASK;
  if (bytes.length >= 32) {
    let lanes = [seed + P1 + P2, seed + P2, seed, seed - P1].map((each) => each & MASK);
    for (; offset + 32 <= bytes.length; offset += 32) {
      lanes = lanes.map((acc, index) => round(acc, view.getBigUint64(offset + 8 * index, true)));
    }
    const turns = [1n, 7n, 12n, 18n];
    hash = lanes.reduce((sum, acc, index) => (sum + rotate(acc, turns[index] as bigint)) & MASK, 0n);
    for (const acc of lanes) hash = ((hash ^ round(0n, acc)) * P1 + P4) & MASK;
  }
  hash = (hash + BigInt(bytes.length)) & MASK;
  for (; offset + 8 <= bytes.length; offset += 8) {
    hash = (rotate(hash ^ round(0n, view.getBigUint64(offset, true)), 27n) * P1 + P4) & MASK;
  }
  if (offset + 4 <= bytes.length) {
    hash = (rotate(hash ^ ((BigInt(view.getUint32(offset, true)) * P1) & MASK), 23n) * P2 + P3) & MASK;
    offset += 4;
  }
  for (; offset < bytes.length; offset++) {
    hash = (rotate(hash ^ ((BigInt(bytes[offset] as number) * P5) & MASK), 11n) * P1) & MASK;
  }
  hash = ((hash ^ (hash >> 33n)) * P2) & MASK;
  hash = ((hash ^ (hash >> 29n)) * P3) & MASK;
  return hash ^ (hash >> 32n);
}

describe("xxHash64", () => {
  test("agrees with the specification for every length and seed", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300, unit: "grapheme" }), fc.bigInt({ min: 0n, max: MASK }), (text, seed) => {
        const bytes = new TextEncoder().encode(text);
        expect(hash64ToBigInt(xxHash64(text, hash64FromBigInt(seed)))).toBe(reference(bytes, seed));
      }),
      { seed: 11, numRuns: 500 },
    );
  });
});

const weighted = fc.uniqueArray(
  fc.record({ key: fc.string({ minLength: 1 }), weight: fc.integer({ min: 1, max: 20 }) }),
  {
    selector: (host) => host.key,
    minLength: 1,
    maxLength: 30,
  },
);

function normalized(hosts: readonly WeightedKey[]): WeightedKey[] {
  const sum = hosts.reduce((total, host) => total + host.weight, 0);
  return hosts.map((host) => ({ key: host.key, weight: host.weight / sum }));
}

describe("hash ring", () => {
  test("a lookup finds the first entry at or after the hash, as a linear search does", () => {
    fc.assert(
      fc.property(weighted, fc.array(fc.bigInt({ min: 0n, max: MASK }), { minLength: 20 }), (hosts, hashes) => {
        const ring = createHashRing(normalized(hosts), { minimumRingSize: 64, maximumRingSize: 512 });
        const entries = Array.from(ring.hosts, (host, index) => ({
          host,
          hash: hash64ToBigInt({ hi: ring.hi[index] as number, lo: ring.lo[index] as number }),
        }));
        expect(entries.map((entry) => entry.hash)).toEqual(entries.map((entry) => entry.hash).toSorted(compare));
        for (const hash of hashes) {
          const { hi, lo } = hash64FromBigInt(hash);
          const first = entries.findIndex((entry) => entry.hash >= hash);
          expect(ring.choose(hi, lo, 0)).toBe(entries[Math.max(0, first)]?.host);
        }
      }),
      { seed: 12, numRuns: 100 },
    );
  });

  test("removing one of n hosts moves at most 1.3 · 100 / n percent of keys", () => {
    expect(movedShare((hosts) => createHashRing(hosts, { minimumRingSize: 100 * hosts.length }), 40)).toBeLessThan(
      1.3 / 40,
    );
  });
});

describe("maglev table", () => {
  test("removing one of n hosts moves at most 2 · 100 / n percent of keys", () => {
    expect(movedShare((hosts) => createMaglevTable(hosts, 65537), 40)).toBeLessThan(2 / 40);
  });

  test("every slot belongs to a host and shares follow weights", () => {
    fc.assert(
      fc.property(weighted, (hosts) => {
        const table = createMaglevTable(normalized(hosts), 5003);
        const counts = hosts.map(() => 0);
        for (const slot of table.slots) counts[slot] = (counts[slot] ?? 0) + 1;
        const sum = hosts.reduce((total, host) => total + host.weight, 0);
        for (const [index, host] of hosts.entries()) {
          expect(Math.abs((counts[index] ?? 0) - (5003 * host.weight) / sum)).toBeLessThan(5003 * 0.02 + 2);
        }
      }),
      { seed: 13, numRuns: 50 },
    );
  });
});

function movedShare(
  make: (hosts: readonly WeightedKey[]) => { choose(hi: number, lo: number, attempt: number): number },
  count: number,
): number {
  const hosts = Array.from({ length: count }, (_, index) => ({ key: `10.0.0.${index}:80`, weight: 1 }));
  const fewer = hosts.slice(1);
  const before = make(normalized(hosts));
  const after = make(normalized(fewer));
  let moved = 0;
  for (let key = 0; key < 20_000; key++) {
    const { hi, lo } = xxHash64(`key-${key}`);
    const from = hosts[before.choose(hi, lo, 0)];
    const to = fewer[after.choose(hi, lo, 0)];
    if (from?.key !== to?.key) moved += 1;
  }
  return moved / 20_000;
}

function compare(a: bigint, b: bigint): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

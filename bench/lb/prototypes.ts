/** The plainest code that does each job: what a policy's pick may cost a few times of. */
import { xxHash64 } from "@weftmesh/lb";

export interface PlainHost {
  readonly address: string;
  readonly weight: number;
  active: number;
  estimate: number;
  updatedAt: number;
}

export function plainHosts(weights: readonly number[]): PlainHost[] {
  return weights.map((weight, index) => ({
    address: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}:80`,
    weight,
    active: 0,
    estimate: 30,
    updatedAt: 0,
  }));
}

/** Modulo. */
export function plainRoundRobin(hosts: readonly PlainHost[]): () => PlainHost {
  let index = 0;
  return () => hosts[index++ % hosts.length] as PlainHost;
}

/** One draw. */
export function plainRandom(hosts: readonly PlainHost[]): () => PlainHost {
  return () => hosts[Math.floor(Math.random() * hosts.length)] as PlainHost;
}

/** Two draws. */
export function plainTwoChoices(hosts: readonly PlainHost[]): () => PlainHost {
  const draw = plainRandom(hosts);
  return () => {
    const a = draw();
    const b = draw();
    return b.active < a.active ? b : a;
  };
}

/** Two draws and two exponentials. */
export function plainEwma(hosts: readonly PlainHost[]): () => PlainHost {
  const draw = plainRandom(hosts);
  const cost = (host: PlainHost, now: number): number =>
    host.estimate * Math.exp((host.updatedAt - now) / 10_000) * (host.active + 1);
  return () => {
    const now = performance.now();
    const a = draw();
    const b = draw();
    return cost(b, now) < cost(a, now) ? b : a;
  };
}

interface Due {
  readonly host: PlainHost;
  deadline: number;
}

/** A binary heap of objects. */
export function plainHeap(hosts: readonly PlainHost[]): () => PlainHost {
  const heap: Due[] = hosts
    .map((host) => ({ host, deadline: 1 / host.weight }))
    .sort((a, b) => a.deadline - b.deadline);
  return () => {
    const top = heap[0] as Due;
    const { host } = top;
    top.deadline += 1 / host.weight;
    let slot = 0;
    for (;;) {
      let child = 2 * slot + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as Due).deadline < (heap[child] as Due).deadline) child += 1;
      if ((heap[child] as Due).deadline >= top.deadline) break;
      heap[slot] = heap[child] as Due;
      slot = child;
    }
    heap[slot] = top;
    return host;
  };
}

/** A table and a modulo of a 64-bit hash in two halves. */
export function plainTable(hosts: readonly PlainHost[], size: number): (hi: number, lo: number) => PlainHost {
  const table = Array.from({ length: size }, (_, slot) => hosts[slot % hosts.length] as PlainHost);
  return (hi, lo) => table[modulo(hi, lo, size)] as PlainHost;
}

/** The remainder of a hash; a double holds no 64 bits, so the halves are taken one after the other. */
function modulo(hi: number, lo: number, size: number): number {
  return ((hi % size) * (2 ** 32 % size) + (lo % size)) % size;
}

/** Binary search over sorted hashes by their upper halves. */
export function plainRing(hosts: readonly PlainHost[], size: number): (hi: number) => PlainHost {
  const ring = Uint32Array.from({ length: size }, () => Math.floor(Math.random() * 2 ** 32)).sort();
  return (hash) => {
    let low = 0;
    let high = ring.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((ring[middle] as number) < hash) low = middle + 1;
      else high = middle;
    }
    return hosts[low % hosts.length] as PlainHost;
  };
}

/** The Maglev paper's population of a table: each host in turn takes the next free slot of its permutation. */
export function buildPlainTable(keys: readonly string[], size: number): Int32Array {
  const turns = keys.toSorted().map((key, host) => {
    const first = xxHash64(key);
    const second = xxHash64(key, { hi: 0, lo: 1 });
    return {
      host,
      offset: modulo(first.hi, first.lo, size),
      skip: modulo(second.hi, second.lo, size - 1) + 1,
      next: 0,
    };
  });
  const table = new Int32Array(size).fill(-1);
  for (let filled = 0; ; ) {
    for (const turn of turns) {
      let slot = (turn.offset + turn.next * turn.skip) % size;
      while (table[slot] !== -1) {
        turn.next += 1;
        slot = (turn.offset + turn.next * turn.skip) % size;
      }
      table[slot] = turn.host;
      turn.next += 1;
      filled += 1;
      if (filled === size) return table;
    }
  }
}

/** A ring as one would write it: hash every entry's text, sort by hash. */
export function buildPlainRing(keys: readonly string[], size: number): { hi: number; lo: number; host: number }[] {
  const perHost = Math.ceil(size / keys.length);
  return keys
    .flatMap((key, host) => Array.from({ length: perHost }, (_, i) => ({ ...xxHash64(`${key}_${i}`), host })))
    .sort((a, b) => a.hi - b.hi || a.lo - b.lo);
}

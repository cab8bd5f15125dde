import { createHash } from "node:crypto";
import {
  createCluster,
  createHashRing,
  createLoadProbe,
  createMaglevTable,
  type Hash64,
  type HashFunction,
  type HashRing,
  hash64FromBigInt,
  hash64ToBigInt,
  hashRequest,
  hostLoad,
  LbError,
  type MaglevTable,
  maglev,
  murmurHash64,
  probeOrder,
  type RequestHashPolicy,
  ringHash,
  type WeightedKey,
  xxHash64,
} from "@weftmesh/lb";
import { manualScheduler, seededRandom } from "@weftmesh/lb/testing";
import type { Outcome } from "../suite.js";
import { all, type CaseRunner, expected, hasFields, type LbCase, outcome, unknownForm } from "./case.js";

const MAX_HASH = 2n ** 64n - 1n;

interface KeyedHost {
  readonly key: string;
  readonly weight?: number;
}

interface HashPick {
  readonly hash: string;
  readonly attempt?: number;
  readonly host: number;
}

/** `ring_hash.json` */
export const ring: CaseRunner = (data) => {
  const min = data["minimumRingSize"];
  const max = data["maximumRingSize"];
  if (data.expect?.["error"] !== undefined) {
    return refused(() => ringHash(numbers({ minimumRingSize: min, maximumRingSize: max })));
  }
  const entries = weightedKeys(data);
  const made = createHashRing(entries, {
    hashFunction: (data["hashFunction"] ?? "XX_HASH") as HashFunction,
    ...numbers({ minimumRingSize: min, maximumRingSize: max }),
  });
  return all([
    expected(data, {
      size: made.size,
      minHashesPerHost: made.minHashesPerHost,
      maxHashesPerHost: made.maxHashesPerHost,
      ring: ringEntries(made, made.size),
      ringFirst16: ringEntries(made, 16),
      ringSha256: data.expect?.["ringSha256"] === undefined ? undefined : sha256Of(data, made),
      host: entries.length === 0 ? null : undefined,
    }),
    picks(data, made),
    histogram(data, made),
  ]);
};

/** The digest covers the lines `hash,host` or their JSON; both spellings are tried, one must fit. */
function sha256Of(data: LbCase, made: HashRing): unknown {
  const entries = ringEntries(made, made.size);
  const spellings = [
    JSON.stringify(entries),
    JSON.stringify(entries).replaceAll(",", ", "),
    entries.map(([hash, host]) => `${hash}:${host}`).join("\n"),
    entries.map(([hash, host]) => `${hash} ${host}`).join("\n"),
    entries.map(([hash, host]) => `${hash},${host}`).join("\n"),
    entries.map(([hash, host]) => `${hash}:${host}`).join(","),
    entries.map(([hash, host]) => `${hash},${host}`).join(";"),
    entries.map(([hash, host]) => `${hash},${host}\n`).join(""),
  ];
  return digestMatching(data.expect?.["ringSha256"], spellings);
}

function digestMatching(wanted: unknown, spellings: readonly (string | Uint8Array)[]): unknown {
  const digests = spellings.map((text) => createHash("sha256").update(text).digest("hex"));
  return digests.find((digest) => digest === wanted) ?? digests[0];
}

function ringEntries(made: HashRing, length: number): [string, number][] {
  return Array.from({ length: Math.min(length, made.size) }, (_, index) => [
    hash64ToBigInt({ hi: made.hi[index] as number, lo: made.lo[index] as number }).toString(),
    made.hosts[index] as number,
  ]);
}

/** `maglev.json` */
export const maglevTables: CaseRunner = (data) => {
  const tableSize = Number(data["tableSize"] ?? 65537);
  if (data.expect?.["error"] !== undefined) return refused(() => maglev({ tableSize }));
  const entries = weightedKeys(data);
  const made = createMaglevTable(entries, tableSize);
  const perHost = entries.map(() => 0);
  for (const slot of made.slots) perHost[slot] = (perHost[slot] ?? 0) + 1;
  return all([
    expected(data, {
      minEntriesPerHost: made.minEntriesPerHost,
      maxEntriesPerHost: made.maxEntriesPerHost,
      entriesPerHost: perHost,
      everyOtherHostExactlyOnce: perHost.filter((each) => each !== 1).length === 1,
      table: [...made.slots],
      tableFirst64: [...made.slots.slice(0, 64)],
      tableSha256: tableDigest(data, made),
      sameTable: true,
    }),
    picks(data, made),
    disruption(data, entries, made, tableSize),
  ]);
};

function tableDigest(data: LbCase, made: MaglevTable): unknown {
  const wanted = data.expect?.["tableSha256"];
  if (wanted === undefined) return undefined;
  const slots = [...made.slots];
  return digestMatching(wanted, [
    slots.join(","),
    JSON.stringify(slots),
    JSON.stringify(slots).replaceAll(",", ", "),
    slots.join(" "),
    slots.join("\n"),
    Uint8Array.from(slots),
    new Uint8Array(Uint16Array.from(slots).buffer),
    new Uint8Array(Uint32Array.from(slots).buffer),
  ]);
}

interface Disruption {
  readonly removeHost: number;
  readonly slotsOwnedByRemoved: number;
  readonly otherSlotsMoved: number;
}

function disruption(data: LbCase, entries: readonly WeightedKey[], before: MaglevTable, tableSize: number): Outcome {
  const wanted = data["disruption"] as Disruption | undefined;
  if (wanted === undefined) return { ok: true };
  const kept = entries.filter((_, index) => index !== wanted.removeHost);
  const after = createMaglevTable(kept, tableSize);
  let owned = 0;
  let moved = 0;
  for (const [slot, host] of before.slots.entries()) {
    if (host === wanted.removeHost) owned += 1;
    else if (kept[after.slots[slot] as number] !== entries[host]) moved += 1;
  }
  return outcome([wanted.slotsOwnedByRemoved, wanted.otherSlotsMoved], [owned, moved]);
}

/** `ring_hash_bounded_load.json` */
export const boundedLoad: CaseRunner = (data) => {
  if (hasFields(data, "seed", "n")) {
    return expected(data, { shuffle: probeOrder(hashOf(String(data["seed"])).lo, Number(data["n"])) });
  }
  if (hasFields(data, "clusterActive", "hashBalanceFactor")) {
    const load = hostLoad(
      Number(data["clusterActive"]),
      Number(data["hostActive"] ?? 0),
      Number(data["normalizedWeight"] ?? 1),
      Number(data["hashBalanceFactor"]),
    );
    return expected(data, { ...load });
  }
  if (hasFields(data, "hosts", "primary", "hash")) {
    const factors = (data["overloaded"] ?? {}) as Readonly<Record<string, number>>;
    const factorOf = (index: number): number => factors[String(index)] ?? 0;
    const primary = Number(data["primary"]);
    const probe = createLoadProbe(Number(data["hosts"]));
    const factor = factorOf(primary);
    const host = factor <= 1 ? primary : probe.choose(hashOf(String(data["hash"])).lo, primary, factor, factorOf);
    return expected(data, { host });
  }
  return unknownForm(data);
};

/** `hash_policy.json` */
export const hashPolicy: CaseRunner = (data) => {
  if (hasFields(data, "input")) {
    const input = String(data["input"]);
    return expected(data, {
      seed0: text(xxHash64(input)),
      seed1: text(xxHash64(input, { hi: 0, lo: 1 })),
      murmur2: text(murmurHash64(input)),
    });
  }
  if (!hasFields(data, "policies")) return unknownForm(data);
  const policies = data["policies"] as readonly PolicyCase[];
  // Each policy brings its own values, so each reads them from its own place.
  const request = {
    header: (name: string) => policies[Number(name)]?.values ?? [],
    cookie: (name: string) => policies[Number(name)]?.value ?? policies[Number(name)]?.values?.[0],
    queryParameter: (name: string) => policies[Number(name)]?.value ?? policies[Number(name)]?.values?.[0],
    filterState: (key: string) => {
      const hash = policies[Number(key)]?.hash;
      return hash === undefined ? undefined : hashOf(hash);
    },
  };
  const sourceIp = policies.find((each) => each.sourceIp !== undefined)?.sourceIp;
  const hash = hashRequest(
    policies.map((policy, index) => policyOf(policy, index, data)),
    { ...request, ...(typeof sourceIp === "string" && { sourceIp }) },
  );
  return expected(data, { hash: hash === undefined ? null : text(hash) });
};

interface PolicyCase {
  readonly header?: string;
  readonly cookie?: string;
  readonly queryParameter?: string;
  readonly filterState?: string;
  readonly sourceIp?: string | null;
  readonly values?: readonly string[];
  readonly value?: string;
  readonly hash?: string;
  readonly terminal?: boolean;
}

function policyOf(policy: PolicyCase, index: number, data: LbCase): RequestHashPolicy {
  const terminal = policy.terminal ?? false;
  const name = String(index);
  if (policy.header !== undefined) return { kind: "header", name, terminal };
  if (policy.cookie !== undefined) return { kind: "cookie", name, terminal };
  if (policy.queryParameter !== undefined) return { kind: "query-parameter", name, terminal };
  if (policy.filterState !== undefined) return { kind: "filter-state", key: name, terminal };
  if (policy.sourceIp !== undefined) return { kind: "source-ip", terminal };
  return unknownForm(data);
}

function weightedKeys(data: LbCase): WeightedKey[] {
  const hosts = hostsOf(data);
  const localityWeights = data["localityWeights"] as readonly number[] | undefined;
  const everyHost = hosts.map((_, index) => index);
  const groups =
    (data["localityHosts"] as readonly (readonly number[])[] | undefined) ?? halves(hosts, localityWeights);
  const sum = localityWeights?.reduce((total, weight) => total + weight, 0) ?? 1;
  const keys: WeightedKey[] = [];
  for (const [locality, group] of (localityWeights ? groups : [everyHost]).entries()) {
    const share = localityWeights ? (localityWeights[locality] ?? 0) / sum : 1;
    if (share === 0) continue;
    const total = group.reduce((weight, host) => weight + (hosts[host]?.weight ?? 1), 0);
    for (const host of group) {
      const { key, weight = 1 } = hosts[host] as KeyedHost;
      keys.push({ key, weight: (weight * share) / total });
    }
  }
  return keys;
}

/** Without a list of each locality's hosts, the first locality has one host and the second all others. */
function halves(hosts: readonly KeyedHost[], localityWeights: readonly number[] | undefined): number[][] {
  const indices = hosts.map((_, index) => index);
  if (localityWeights?.length === hosts.length) return indices.map((index) => [index]);
  return [indices.slice(0, 1), indices.slice(1)];
}

function hostsOf(data: LbCase): readonly KeyedHost[] {
  const hosts = data["hosts"];
  if (Array.isArray(hosts)) return hosts as readonly KeyedHost[];
  const { keyPattern, range } = (hosts ?? {}) as { keyPattern?: string; range?: readonly number[] };
  if (keyPattern === undefined || range === undefined) return unknownForm(data);
  const [from = 0, to = 0] = range;
  return Array.from({ length: to - from + 1 }, (_, index) => ({
    key: keyPattern.replace("{i}", String(from + index)),
  }));
}

function picks(data: LbCase, table: { choose(hi: number, lo: number, attempt: number): number }): Outcome {
  const list = (data["picks"] ?? []) as readonly HashPick[];
  const got = list.map((pick) => {
    const { hi, lo } = hashOf(pick.hash);
    return table.choose(hi, lo, pick.attempt ?? 0);
  });
  return outcome(
    list.map((pick) => pick.host),
    got,
  );
}

function histogram(data: LbCase, made: HashRing): Outcome {
  const wanted = data["histogram"] as { readonly hashes: string; readonly counts: readonly number[] } | undefined;
  if (wanted === undefined) return { ok: true };
  const form = /^i\*floor\(\(2\^64-1\)\/(\d+)\) for i in 0\.\.(\d+)$/.exec(wanted.hashes);
  if (form === null) return unknownForm(data);
  const step = MAX_HASH / BigInt(form[1] as string);
  const counts = wanted.counts.map(() => 0);
  for (let i = 0n; i <= BigInt(form[2] as string); i++) {
    const { hi, lo } = hash64FromBigInt(i * step);
    const host = made.choose(hi, lo, 0);
    counts[host] = (counts[host] ?? 0) + 1;
  }
  return outcome(wanted.counts, counts);
}

function refused(policy: () => ReturnType<typeof ringHash>): Outcome {
  try {
    createCluster({ policy: policy() }, { clock: manualScheduler(), random: seededRandom(1) });
  } catch (error) {
    if (error instanceof LbError) return { ok: true };
    throw error;
  }
  return { ok: false, expected: "a refusal", got: "accepted" };
}

function hashOf(decimal: string): Hash64 {
  return hash64FromBigInt(BigInt(decimal));
}

function text(hash: Hash64): string {
  return hash64ToBigInt(hash).toString();
}

function numbers<T extends Readonly<Record<string, unknown>>>(values: T): { [K in keyof T]?: number } {
  const defined = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(defined.map(([key, value]) => [key, Number(value)])) as { [K in keyof T]?: number };
}

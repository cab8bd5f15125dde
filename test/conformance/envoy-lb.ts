import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type Cluster, clusterFromXds, type Host, hashRequest, type Metadata, type PickContext } from "@weftmesh/lb";
import { manualScheduler, seededRandom } from "@weftmesh/lb/testing";
import { type ClusterJson, Cluster as ClusterMessage } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import { type Case, notUnderstood, type Outcome, type Suite } from "./suite.js";

type HostCounts = Readonly<Record<string, number>>;

interface EnvoyCase {
  readonly id: string;
  readonly cluster: ClusterJson;
  readonly picks?: readonly (number | null)[];
  readonly runs?: readonly (readonly (number | null)[])[];
  readonly queries?: readonly { readonly metadata_match: Metadata | null; readonly hosts: HostCounts }[];
  readonly hosts?: HostCounts;
  readonly accepted?: boolean;
}

interface EnvoyFile {
  readonly cases: readonly EnvoyCase[];
  readonly keys?: readonly (readonly string[])[];
}

/** Hosts a real Envoy picked. */
export const suite: Suite = {
  name: "envoy_lb",
  *cases(dir): Iterable<Case> {
    for (const file of readdirSync(dir)
      .filter((name) => name.endsWith(".json"))
      .sort()) {
      const name = basename(file, ".json");
      const { cases, keys } = JSON.parse(readFileSync(join(dir, file), "utf8")) as Partial<EnvoyFile>;
      if (cases === undefined) {
        yield notUnderstood(file, "a file without cases");
        continue;
      }
      for (const data of cases) yield { name: `${name}/${data.id}`, run: () => run(data, keys ?? []) };
    }
  },
};

function run(data: EnvoyCase, keys: readonly (readonly string[])[]): Outcome {
  if (data.picks !== undefined) return hashed(data, data.picks, keys);
  if (data.runs !== undefined) return sequences(data, data.runs);
  if (data.queries !== undefined) return subsets(data, data.queries);
  if (data.hosts !== undefined) return shares(data, data.hosts);
  if (data.accepted !== undefined) return verdict(data, data.accepted);
  throw new Error(`a case with ${Object.keys(data).join(", ")} is not understood`);
}

/** Reads the cluster as a user's file is read: checked first, then made. */
function makeCluster(data: EnvoyCase, seed: number): Cluster {
  const message = ClusterMessage.fromJson({ ...data.cluster, name: data.id });
  const issues = ClusterMessage.check(message).filter((issue) => issue.severity !== "warning");
  if (issues.length > 0) throw new Error(issues.map((issue) => `${issue.path}: ${issue.message}`).join("; "));
  return clusterFromXds(message, undefined, { clock: manualScheduler(), random: seededRandom(seed) });
}

function verdict(data: EnvoyCase, accepted: boolean): Outcome {
  try {
    makeCluster(data, 1);
  } catch (error) {
    return accepted ? { ok: false, expected: "accepted", got: error } : { ok: true };
  }
  return accepted ? { ok: true } : { ok: false, expected: "refused", got: "accepted" };
}

/** The last octet of the host's address; null for no host. */
function pick(cluster: Cluster, context: PickContext = {}): number | null {
  const picked = cluster.pick(context);
  if (picked.kind === "none") return null;
  picked.done({ result: "response", status: 200 });
  return octet(picked.host);
}

function octet(host: Host): number {
  return Number(/\.(\d+):\d+$/.exec(host.address)?.[1]);
}

function hashed(data: EnvoyCase, wanted: readonly (number | null)[], keys: readonly (readonly string[])[]): Outcome {
  const cluster = makeCluster(data, 1);
  const got = wanted.map((_, index) => {
    const hash = hashRequest([{ kind: "header", name: "x-key" }], { header: () => keys[index] ?? [] });
    return pick(cluster, hash === undefined ? {} : { hash });
  });
  const wrong = wanted.findIndex((each, index) => each !== got[index]);
  return wrong < 0 ? { ok: true } : { ok: false, expected: { key: wrong, host: wanted[wrong] }, got: got[wrong] };
}

/** How far the start of two sequences may lie apart. */
const MAX_START = 400;

function sequences(data: EnvoyCase, runs: readonly (readonly (number | null)[])[]): Outcome {
  for (const [index, wanted] of runs.entries()) {
    const cluster = makeCluster(data, index + 1);
    const ours = Array.from({ length: wanted.length + 2 * MAX_START }, () => pick(cluster));
    // The recorded sequence must turn up in ours, which goes on for some cycles more than it.
    if (!findStart(ours, wanted)) return { ok: false, expected: wanted, got: ours.slice(0, wanted.length) };
  }
  return { ok: true };
}

function findStart(ours: readonly (number | null)[], wanted: readonly (number | null)[]): boolean {
  for (let start = 0; start + wanted.length <= ours.length; start++) {
    if (wanted.every((host, index) => host === ours[start + index])) return true;
  }
  return false;
}

const SUBSET_REQUESTS = 30;

function subsets(data: EnvoyCase, queries: NonNullable<EnvoyCase["queries"]>): Outcome {
  const cluster = makeCluster(data, 1);
  for (const query of queries) {
    const context: PickContext = query.metadata_match === null ? {} : { metadataMatch: query.metadata_match };
    const counts = tally(SUBSET_REQUESTS, () => pick(cluster, context));
    if (!sameKeys(counts, query.hosts)) {
      return { ok: false, expected: query, got: counts };
    }
  }
  return { ok: true };
}

function tally(requests: number, draw: () => number | null): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let i = 0; i < requests; i++) {
    const host = draw();
    const key = host === null ? "None" : String(host);
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

function sameKeys(a: HostCounts, b: HostCounts): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key));
}

/** Ours over many more requests than Envoy's, so that only the noise of the recording remains. */
const SHARE_REQUESTS = 200_000;

function shares(data: EnvoyCase, hosts: HostCounts): Outcome {
  const cluster = makeCluster(data, 1);
  const ours = tally(SHARE_REQUESTS, () => pick(cluster));
  const requests = Object.values(hosts).reduce((sum, count) => sum + count, 0);
  for (const host of new Set([...Object.keys(hosts), ...Object.keys(ours)])) {
    const recorded = hosts[host] ?? 0;
    const p = (ours[host] ?? 0) / SHARE_REQUESTS;
    const zero = recorded === 0 || p === 0;
    const off = zero
      ? recorded !== 0 || p !== 0
      : Math.abs(recorded - requests * p) > 4 * Math.sqrt(requests * p * (1 - p));
    if (off && !(p === 1 && recorded === requests)) return { ok: false, expected: hosts, got: ours };
  }
  return { ok: true };
}

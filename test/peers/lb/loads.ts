/** Choices that depend on how many requests are under way. */
import { type HostPick, hashRequest } from "@weftmesh/lb";
import { seededRandom } from "@weftmesh/lb/testing";
import type { Checks } from "../xds/check.js";
import { compareSamples } from "./chi-square.js";
import { assignmentOf, hostsOf } from "./endpoints.js";
import { clusterOf, optionsOf, pick } from "./ours.js";
import { type Json, type Rig, startRig } from "./rig.js";
import { type Held, startUpstreams, type Upstreams } from "./upstreams.js";

const POLICIES = "type.googleapis.com/envoy.extensions.load_balancing_policies";
const NET = 70;
const HOSTS = 6;
const HELD = 80;
const LEAST_P = 1e-6;

type OurCluster = ReturnType<typeof clusterOf>;

/** Compares bounded load key by key, and shares by load with `count` requests. */
export async function compareLoads(checks: Checks, count: number, seed: number): Promise<void> {
  await using upstreams = await startUpstreams(NET, HOSTS);
  const random = seededRandom(seed);
  const bounded = [100, 125, 200].flatMap((factor) => [
    { name: `ring, at most ${factor} % of the mean`, cluster: hashing("ring_hash.v3.RingHash", factor) },
    { name: `table, at most ${factor} % of the mean`, cluster: hashing("maglev.v3.Maglev", factor) },
  ]);
  const shared = [
    { name: "the lesser of two", cluster: leastRequest({}), weights: false },
    { name: "the least of four", cluster: leastRequest({ choice_count: 4 }), weights: false },
    { name: "the least of all", cluster: leastRequest({ selection_method: "FULL_SCAN" }), weights: false },
    { name: "weight over load", cluster: leastRequest({}), weights: true },
    { name: "weight over load, half as biased", cluster: leastRequest(bias(0.5)), weights: true },
  ];
  const clusters = [...bounded.map((each) => ({ ...each, weights: true })), ...shared].map(
    ({ cluster, weights }, index) => clusterJson(`l${index}`, cluster, weights, upstreams.port),
  );
  await using rig = await startRig({ clusters });
  for (const [index, { name }] of bounded.entries()) {
    const ours = clusterOf(optionsOf(clusters[index] as Json), seededRandom(seed));
    await compareBounded(checks, name, { rig, upstreams, ours, cluster: `l${index}`, random });
  }
  for (const [position, { name }] of shared.entries()) {
    const index = bounded.length + position;
    const ours = clusterOf(optionsOf(clusters[index] as Json), seededRandom(seed));
    await compareLeast(checks, name, count, { rig, upstreams, ours, cluster: `l${index}`, random });
  }
}

interface Contest {
  readonly rig: Rig;
  readonly upstreams: Upstreams;
  readonly ours: OurCluster;
  readonly cluster: string;
  readonly random: () => number;
}

/** Requests for few keys come and go; each must find the same host on both sides. */
async function compareBounded(checks: Checks, name: string, contest: Contest): Promise<void> {
  const { rig, upstreams, ours, cluster, random } = contest;
  const held: { theirs: Held; own: HostPick }[] = [];
  const different: string[] = [];
  for (let request = 0; request < HELD; request++) {
    const key = `k${Math.floor(random() ** 2 * 9)}`;
    const theirs = await upstreams.hold(rig.port, { "x-cluster": cluster, "x-key": key });
    const hash = hashRequest([{ kind: "header", name: "x-key" }], { header: () => [key] });
    const own = ours.pick({ hash });
    if (own.kind === "none") throw new Error(own.reason);
    if (own.host.address !== theirs.host)
      different.push(`${request}, ${key}: ${own.host.address}, Envoy ${theirs.host}`);
    held.push({ theirs, own });
    if (random() < 0.3) await release(held.splice(Math.floor(random() * held.length), 1));
  }
  const most = new Map<string, number>();
  for (const { theirs } of held) most.set(theirs.host, (most.get(theirs.host) ?? 0) + 1);
  await release(held);
  const same = different.length === 0;
  const seen = same ? `${HELD} requests, ${Math.max(...most.values())} on one host at most` : different[0];
  checks.hold(`bounded load: ${name}`, same, seen);
}

/** With the same requests under way on both sides, others get the same shares. */
async function compareLeast(checks: Checks, name: string, count: number, contest: Contest): Promise<void> {
  const { rig, upstreams, ours, cluster } = contest;
  const held: { theirs: Held; own: HostPick }[] = [];
  for (let request = 0; request < HOSTS + 3; request++) {
    const theirs = await upstreams.hold(rig.port, { "x-cluster": cluster });
    held.push({ theirs, own: pickUntil(ours, theirs.host) });
  }
  const seen = await rig.picks(Array.from({ length: count }, () => ({ cluster })));
  const theirs = new Map<string, number>();
  const own = new Map<string, number>();
  for (const host of seen) {
    theirs.set(host, (theirs.get(host) ?? 0) + 1);
    const chosen = pick(ours);
    own.set(chosen, (own.get(chosen) ?? 0) + 1);
  }
  await release(held);
  const { p } = compareSamples(theirs, own);
  const text = (counts: Map<string, number>): string => JSON.stringify(Object.fromEntries([...counts].sort()));
  const result = p > LEAST_P ? `${count} requests, p ${p.toPrecision(2)}` : `Envoy ${text(theirs)}; ours ${text(own)}`;
  checks.hold(`shares by load: ${name}`, p > LEAST_P, result);
}

/** Ours has another start and other draws: it picks until it has the host that Envoy has. */
function pickUntil(ours: OurCluster, address: string): HostPick {
  for (let tries = 0; tries < 100_000; tries++) {
    const own = ours.pick();
    if (own.kind === "host" && own.host.address === address) return own;
    if (own.kind === "host") own.done({ result: "aborted" });
  }
  throw new Error(`ours never chooses ${address}`);
}

async function release(held: readonly { theirs: Held; own: HostPick }[]): Promise<void> {
  for (const { theirs, own } of held) {
    await theirs.release();
    own.done({ result: "response", status: 200 });
  }
}

function hashing(type: string, hash_balance_factor: number): Json {
  return policy(type, { consistent_hashing_lb_config: { hash_balance_factor } });
}

function leastRequest(config: Json): Json {
  return policy("least_request.v3.LeastRequest", config);
}

function bias(default_value: number): Json {
  return { active_request_bias: { default_value, runtime_key: "bias" } };
}

function policy(type: string, config: Json): Json {
  const typed_config = { "@type": `${POLICIES}.${type}`, ...config };
  return { load_balancing_policy: { policies: [{ typed_extension_config: { name: "p", typed_config } }] } };
}

function clusterJson(name: string, cluster: Json, weights: boolean, port: number): Json {
  const hosts = hostsOf(NET, HOSTS, (i) => ({ port, weight: weights ? 1 + (i % 3) : 1 }));
  return { name, type: "STATIC", load_assignment: { ...assignmentOf([{ hosts }]), cluster_name: name }, ...cluster };
}

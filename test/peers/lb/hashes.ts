/** Ring hash and Maglev: the same host for the same key. */
import { hashRequest } from "@weftmesh/lb";
import { seededRandom } from "@weftmesh/lb/testing";
import type { Checks } from "../xds/check.js";
import { assignmentOf, type GroupSpec, type HostSpec, hostsOf } from "./endpoints.js";
import { clusterOf, endpointsOf, optionsOf, pick } from "./ours.js";
import { type Json, startRig } from "./rig.js";

const POLICIES = "type.googleapis.com/envoy.extensions.load_balancing_policies";
const HOST_SETS = 24;
const SIZES = [1, 2, 3, 5, 8, 13, 40, 150, 400] as const;
const TABLE_SIZES = [251, 1009, 65_537, 131_071] as const;
const RINGS: readonly Json[] = [
  {},
  { minimum_ring_size: 1 },
  { minimum_ring_size: 7, maximum_ring_size: 7 },
  { minimum_ring_size: 65_536 },
  { maximum_ring_size: 4096 },
];

/** Compares `keys` keys over generated host sets, and again after health and weights changed. */
export async function compareHashes(checks: Checks, keys: number, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const draw = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const names = Array.from({ length: keys }, (_, i) => `key-${Math.floor(random() * 2 ** 32).toString(36)}-${i}`);
  const sets = Array.from({ length: HOST_SETS }, (_, index) => {
    const groups = groupsOf(index, draw(SIZES), random);
    return {
      cluster: clusterJson(`h${index}`, index, draw, groups),
      before: assignmentOf(groups),
      after: assignmentOf(groups.map((group) => changed(group, random))),
    };
  });
  await using rig = await startRig({
    clusters: sets.map(({ cluster }) => cluster),
    assignments: Object.fromEntries(sets.map(({ cluster, before }) => [cluster["name"] as string, before])),
  });
  for (const { cluster, before, after } of sets) {
    const name = cluster["name"] as string;
    const ours = clusterOf(optionsOf(cluster, before), seededRandom(1));
    const compare = async (when: string): Promise<void> => {
      const theirs = await rig.picks(
        names.map((key) => ({ cluster: name, key })),
        4,
      );
      const different = names.flatMap((key, i) => {
        const hash = hashRequest([{ kind: "header", name: "x-key" }], { header: () => [key] });
        const host = pick(ours, hash === undefined ? {} : { hash });
        return host === theirs[i] ? [] : [`${key}: ${host}, Envoy ${theirs[i]}`];
      });
      const hosts = new Set(theirs).size;
      const seen =
        different.length === 0
          ? `${names.length} keys on ${hosts} hosts`
          : `${different.length} differ, ${different[0]}`;
      checks.hold(`${describe(cluster, before)}, ${when}`, different.length === 0, seen);
    };
    await compare("same host for each key");
    await rig.assign(name, after);
    ours.update({ replace: endpointsOf(after) });
    await compare("again after health and weights changed");
  }
}

function clusterJson(
  name: string,
  index: number,
  draw: <T>(list: readonly T[]) => T,
  groups: readonly GroupSpec[],
): Json {
  const ring = draw(RINGS);
  const hash_function = index % 4 < 2 ? "XX_HASH" : "MURMUR_HASH_2";
  const table_size = draw(TABLE_SIZES);
  // The older field takes a hostname in clusters found by DNS only.
  const common = { consistent_hashing_lb_config: { use_hostname_for_hashing: draw([true, false]) } };
  const weighted = { locality_weighted_lb_config: {} };
  const shared = { name, type: "EDS", common_lb_config: { update_merge_window: "0s" } };
  const isWeighted = groups.length > 1 && draw([true, false]);
  const maglev = index % 2 === 1;
  if (draw([true, false])) {
    const typed_config = {
      "@type": maglev ? `${POLICIES}.maglev.v3.Maglev` : `${POLICIES}.ring_hash.v3.RingHash`,
      ...(maglev ? { table_size } : { ...ring, hash_function }),
      ...common,
      ...(isWeighted && weighted),
    };
    return {
      ...shared,
      load_balancing_policy: { policies: [{ typed_extension_config: { name: "p", typed_config } }] },
    };
  }
  return {
    ...shared,
    common_lb_config: { ...shared.common_lb_config, ...(isWeighted && weighted) },
    ...(maglev
      ? { lb_policy: "MAGLEV", maglev_lb_config: { table_size } }
      : { lb_policy: "RING_HASH", ring_hash_lb_config: { ...ring, hash_function } }),
  };
}

/** Hosts with equal, small, large or very unequal weights, in one to three localities. */
function groupsOf(index: number, size: number, random: () => number): GroupSpec[] {
  const weights = [1, 1 + Math.floor(random() * 10), 1 + Math.floor(random() * 1e6)];
  const weightOf = (): number => {
    if (index % 4 === 0) return 1;
    if (index % 4 === 1) return 1 + Math.floor(random() * 10);
    if (index % 4 === 2) return 1 + Math.floor(random() * 1000);
    return weights[Math.floor(random() * 3)] as number;
  };
  const groups = size < 5 ? 1 : 1 + Math.floor(random() * 3);
  return Array.from({ length: groups }, (_, group) => ({
    zone: `z${group}`,
    weight: 1 + Math.floor(random() * 5),
    hosts: hostsOf(10 + group, Math.max(1, Math.floor(size / groups)), (position) =>
      hostSpec(index, group, position, weightOf(), random),
    ),
  }));
}

function hostSpec(
  index: number,
  group: number,
  position: number,
  weight: number,
  random: () => number,
): Partial<HostSpec> {
  return {
    weight,
    port: 1 + (position % 3),
    hostname: `host-${position}.z${group}.example`,
    ...(index % 5 === 3 && random() < 0.5 && { metadata: { hash_key: hashKey(random) } }),
    ...(random() < 0.1 && { health: "UNHEALTHY" }),
  };
}

/** Mostly a text; an empty one or no text at all is no key. */
function hashKey(random: () => number): string | number {
  const draw = random();
  if (draw < 0.2) return "";
  return draw < 0.4 ? 7 : `k${Math.floor(random() * 1e6)}`;
}

function changed(group: GroupSpec, random: () => number): GroupSpec {
  const hosts = group.hosts.map((host): HostSpec => {
    if (random() < 0.3) return { ...host, weight: 1 + Math.floor(random() * 20) };
    return random() < 0.2 ? { ...host, health: host.health === undefined ? "DRAINING" : "HEALTHY" } : host;
  });
  return { ...group, hosts };
}

function describe(cluster: Json, assignment: Json): string {
  const config = JSON.stringify(cluster["load_balancing_policy"] ?? cluster);
  const size = (assignment["endpoints"] as { lb_endpoints: unknown[] }[]).reduce(
    (sum, group) => sum + group.lb_endpoints.length,
    0,
  );
  const fields = ["table_size", "minimum_ring_size", "maximum_ring_size"].flatMap((field) => {
    const value = new RegExp(`"${field}":(\\d+)`).exec(config)?.[1];
    return value === undefined ? [] : [`${field} ${value}`];
  });
  if (config.includes("MURMUR")) fields.push("murmur");
  if (config.includes("locality_weighted")) fields.push("locality weighted");
  if (config.includes('hashing":true')) fields.push("by hostname");
  const kind = /maglev/i.test(config) ? "maglev" : "ring";
  return `${cluster["name"]}: ${kind}${fields.length > 0 ? ` (${fields.join(", ")})` : ""}, ${size} hosts`;
}

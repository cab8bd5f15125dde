import {
  type EndpointGroup,
  type EndpointHealth,
  type HostChange,
  type HostDelta,
  type HostOptions,
  maglev,
  overrideHost,
  type PickContext,
  type Policy,
  randomSubsetting,
  roundRobin,
  subset,
} from "@weftmesh/lb";
import { seededRandom } from "@weftmesh/lb/testing";
import { describe, expect, test } from "vitest";
import { OK, setUp } from "./picking.js";

const ZONES = ["a", "b", "c"];
const HEALTH: readonly EndpointHealth[] = ["HEALTHY", "UNHEALTHY", "DRAINING", "DEGRADED", "UNKNOWN"];

/** Where a host is and what it is: what a list of groups says, host by host. */
interface Place {
  readonly priority: number;
  readonly zone: string;
  host: HostOptions;
}

type Draw = (below: number) => number;

function drawn(draw: Draw, address: string): Place {
  const health = HEALTH[draw(HEALTH.length)] as EndpointHealth;
  const metadata = { version: draw(3), stage: draw(2) === 0 ? ["x", "y"] : "x" };
  return {
    priority: draw(3),
    zone: ZONES[draw(3)] as string,
    host: { address, weight: 1 + draw(4), health, metadata },
  };
}

/** One group for each host: groups of one place are one locality. */
function groupsOf(places: readonly Place[]): EndpointGroup[] {
  return places.map(({ priority, zone, host }) => ({ priority, locality: { zone }, weight: 7, hosts: [host] }));
}

function deltaOf(draw: Draw, places: Place[]): HostDelta {
  const at = draw(places.length);
  const place = places[at];
  switch (draw(5)) {
    case 0: {
      const added = drawn(draw, `h${draw(40)}:1`);
      if (!places.some(({ host }) => host.address === added.host.address)) places.push(added);
      return { add: groupsOf([added]) };
    }
    case 1:
      if (place === undefined) return {};
      places.splice(at, 1);
      return { remove: [place.host.address, "nobody:1"] };
    case 2: {
      // Some go, some come, some move, and the order is another.
      for (let i = draw(4); i > 0 && places.length > 0; i--) places.splice(draw(places.length), 1);
      for (const [index, { host }] of places.entries()) {
        if (draw(4) === 0) places[index] = drawn(draw, host.address);
      }
      places.sort(() => draw(3) - 1);
      return { replace: groupsOf(places) };
    }
    default: {
      if (place === undefined) return {};
      const next = drawn(draw, place.host.address).host;
      const change: HostChange = draw(2) === 0 ? next : { address: next.address, health: next.health ?? "UNKNOWN" };
      place.host = { ...place.host, ...change };
      return { change: [change] };
    }
  }
}

function listsOf(cluster: ReturnType<typeof setUp>["cluster"]): unknown {
  const names = (hosts: readonly { address: string }[]): string[] => hosts.map(({ address }) => address);
  const levels = cluster.prioritySet.levels.map((level) => ({
    hosts: level.hosts.map(({ address, weight, health }) => `${address} ${weight} ${health}`),
    healthy: names(level.healthy),
    degraded: names(level.degraded),
    excluded: level.excluded,
    localities: level.localities.map((each) => ({
      locality: each.locality,
      weight: each.weight,
      hosts: names(each.hosts),
      healthy: names(each.healthy),
      degraded: names(each.degraded),
      excluded: each.excluded,
    })),
  }));
  while (levels.at(-1)?.hosts.length === 0) levels.pop();
  return levels;
}

const subsets = (policy: Policy, localityWeightAware = false): Policy =>
  subset({
    selectors: [{ keys: ["version"] }, { keys: ["stage", "version"] }],
    fallbackPolicy: "DEFAULT_SUBSET",
    defaultSubset: { version: 1 },
    listAsAny: true,
    localityWeightAware,
    policy,
  });

const POLICIES: Readonly<Record<string, () => Policy>> = {
  "round robin": roundRobin,
  maglev: () => maglev({ tableSize: 251 }),
  "zones by weight": () => roundRobin({ locality: { kind: "locality-weighted" } }),
  subsets: () => subsets(roundRobin()),
  "subsets with weights of zones": () => subsets(maglev({ tableSize: 251, localityWeighted: true }), true),
  "subsets of named hosts of tables": () =>
    subsets(overrideHost({ sources: [{ header: "h" }], fallbackPolicy: maglev({ tableSize: 251 }) })),
  "subsets of subsets of tables": () => subsets(subsets(maglev({ tableSize: 251 }))),
  "subsets of tables": () => subsets(maglev({ tableSize: 251 })),
  "override host": () => overrideHost({ sources: [{ header: "h" }], fallbackPolicy: maglev({ tableSize: 251 }) }),
  "random subsetting": () => randomSubsetting({ subsetSize: 5, childPolicy: maglev({ tableSize: 251 }) }),
};

/** Requests that between them reach every list there is. */
const CONTEXTS: readonly PickContext[] = Array.from({ length: 120 }, (_, i) => ({
  hash: { hi: (i * 0x9e3779b1) >>> 0, lo: (i * 0x85ebca77) >>> 0 },
  ...(i % 4 > 0 && { metadataMatch: { version: i % 3, ...(i % 4 === 2 && { stage: i % 8 === 2 ? "x" : "y" }) } }),
  ...(i % 5 === 0 && { header: () => `h${i % 40}:1` }),
}));

describe.each(Object.entries(POLICIES))("%s", (name, policy) => {
  test("a cluster that followed changes is like one made with what came of them", () => {
    for (let seed = 1; seed <= 8; seed++) {
      const random = seededRandom(seed);
      const draw: Draw = (below) => Math.floor(random() * below);
      const places = Array.from({ length: 12 }, (_, i) => drawn(draw, `h${i}:1`));
      const options = { endpoints: groupsOf(places), policy: policy(), updateMergeWindowMs: seed % 2 === 0 ? 0 : 500 };
      const { cluster, clock } = setUp(options);
      for (let step = 0; step < 60; step++) {
        cluster.update(deltaOf(draw, places));
        if (draw(3) === 0) cluster.explain(CONTEXTS[draw(120)] ?? {});
        if (step % 10 !== 9) continue;
        clock.advance(1000);
        cluster.tick();
        const { cluster: fresh } = setUp({ ...options, endpoints: groupsOf(places) });
        expect(listsOf(cluster), `seed ${seed}, step ${step}`).toEqual(listsOf(fresh));
        expect(reached(cluster), `seed ${seed}, step ${step}`).toEqual(reached(fresh));
      }
    }

    /** Hosts by context where the hash decides, all together where a rotation does. */
    function reached(cluster: ReturnType<typeof setUp>["cluster"]): unknown {
      const exact = /table|maglev|random subsetting|override|weights of zones/.test(name);
      const seen = CONTEXTS.map((context) => {
        const pick = cluster.pick(context);
        if (pick.kind === "none") return "-";
        pick.done(OK);
        return pick.host.address;
      });
      return exact ? seen : undefined;
    }
  });
});

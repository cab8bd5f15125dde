import { type ClusterOptions, createCluster, type HostPick, type Pick } from "@weftmesh/lb";
import { manualScheduler, seededRandom } from "@weftmesh/lb/testing";

export const OK = { result: "response", status: 200 } as const;
export const ERROR = { result: "response", status: 500 } as const;
export const HOSTS = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"];

/** A cluster on a clock that the test drives. */
export function setUp(options: ClusterOptions, seed = 1) {
  const clock = manualScheduler();
  return { clock, cluster: createCluster(options, { clock, random: seededRandom(seed) }) };
}

/** The pick, which must have a host. */
export function picked(pick: Pick): HostPick {
  if (pick.kind === "none") throw new Error(`no host: ${pick.reason}`);
  return pick;
}

/** How many of so many picks each host got. */
export function spread(cluster: { pick(): Pick }, picks: number): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let i = 0; i < picks; i++) {
    const pick = picked(cluster.pick());
    counts[pick.host.address] = (counts[pick.host.address] ?? 0) + 1;
    pick.done(OK);
  }
  return counts;
}

/** Lets one host answer only errors until it is out, or `limit` requests went to it. */
export function failUntilEjected(cluster: { pick(): Pick }, address: string, limit: number): number {
  let errors = 0;
  for (let i = 0; i < 100 && errors < limit; i++) {
    const pick = picked(cluster.pick());
    const failed = pick.host.address === address;
    if (failed) errors += 1;
    pick.done(failed ? ERROR : OK);
  }
  return errors;
}

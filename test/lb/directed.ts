import {
  type ClusterOptions,
  createCluster,
  type HostPick,
  type LbEvent,
  type Outcome,
  type Policy,
} from "@weftmesh/lb";
import { manualScheduler, seededRandom } from "@weftmesh/lb/testing";

/** Picks the host whose number the context carries as its hash, healthy or not. */
const byNumber: Policy = {
  name: "by_number",
  balancer: (set) => ({
    choose: (context) => [...set.levels.flatMap((level) => level.hosts)][Number(context.hash)],
    refresh: () => undefined,
  }),
};

/** A cluster of so many hosts, named `0:1`, `1:1` and so on, whose requests go where the test sends them. */
export function directed(hosts: number, options: ClusterOptions) {
  const clock = manualScheduler();
  const events: LbEvent[] = [];
  const names = Array.from({ length: hosts }, (_, index) => `${index}:1`);
  const cluster = createCluster(
    { hosts: names, policy: byNumber, onEvent: (event) => events.push(event), ...options },
    { clock, random: seededRandom(1) },
  );
  const hold = (host: number): HostPick => {
    const pick = cluster.pick({ hash: BigInt(host) });
    if (pick.kind === "none") throw new Error(`no host ${host}: ${pick.reason}`);
    return pick;
  };
  return {
    clock,
    cluster,
    events,
    /** Picks and holds. */
    hold,
    /** Sends so many requests to a host, all with this end. */
    send(host: number, outcome: Outcome | number, times = 1): void {
      const end = typeof outcome === "number" ? ({ result: "response", status: outcome } as const) : outcome;
      for (let i = 0; i < times; i++) hold(host).done(end);
    },
    /** Moves time on and does what is due. */
    tick(ms: number): void {
      clock.advance(ms);
      cluster.tick();
    },
    flags: (host: number): number => cluster.host(`${host}:1`)?.flags ?? -1,
    stat: (name: string): number | undefined => cluster.stats()[`outlier_detection.${name}`],
  };
}

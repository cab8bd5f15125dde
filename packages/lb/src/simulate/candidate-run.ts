import type { Random } from "../clock.js";
import { type Cluster, createCluster } from "../cluster.js";
import type { ClusterOptions } from "../cluster-options.js";
import { xxHash64 } from "../hash/hash-text.js";
import type { Hash64 } from "../hash/hash64.js";
import type { EndpointGroup, Host } from "../host.js";
import type { HostPick, PickContext } from "../pick.js";
import { previousHosts } from "../retry.js";
import { createEventQueue } from "./event-queue.js";
import { type CandidateReport, percentile } from "./report.js";
import type { Scenario, ScenarioEvent } from "./scenario.js";
import { Server } from "./server.js";

/** A request on its way. */
interface Flight {
  readonly client: number;
  readonly startedAt: number;
  readonly key: number;
  readonly hash: Hash64 | undefined;
  readonly attempted: Host[];
  pick: HostPick | undefined;
  failed: boolean;
}

type Happening = { readonly kind: "arrival" } | { readonly kind: "end"; readonly flight: Flight } | ScenarioEvent;

/** How far apart ticks of the clusters are. */
const TICK_MS = 1000;

/** Plays a scenario for one candidate. */
export class CandidateRun {
  private now = 0;
  private readonly scenario: Scenario;
  private readonly name: string;
  private readonly random: Random;
  private readonly queue = createEventQueue<Happening>();
  private readonly servers = new Map<string, Server>();
  private readonly groups: readonly (EndpointGroup & { readonly name: string })[];
  private readonly clusters: readonly Cluster[];
  private readonly latencies: Float64Array;
  private readonly hostOfKey = new Map<number, string>();
  private readonly movedKeys = new Set<number>();
  private ended = 0;
  private failures = 0;
  private refused = 0;
  private retries = 0;
  private ejections = 0;

  constructor(scenario: Scenario, name: string, options: ClusterOptions, createRandom: (seed: number) => Random) {
    this.scenario = scenario;
    this.name = name;
    const seed = scenario.seed ?? 1;
    this.random = createRandom(seed);
    this.latencies = new Float64Array(scenario.requests);
    this.groups = scenario.servers.map((group) => {
      const addresses = Array.from({ length: group.count ?? 1 }, (_, index) => `${group.name}-${index}`);
      for (const address of addresses) this.servers.set(address, new Server(address, group));
      return {
        name: group.name,
        priority: group.priority ?? 0,
        ...(group.zone !== undefined && { locality: { zone: group.zone } }),
        hosts: addresses.map((address) => ({
          address,
          weight: group.weight ?? 1,
          ...(group.metadata && { metadata: group.metadata }),
        })),
      };
    });
    const clock = { now: () => this.now };
    this.clusters = Array.from({ length: scenario.clients ?? 1 }, (_, client) =>
      createCluster(
        {
          ...options,
          endpoints: this.groups,
          onEvent: (event) => {
            if (event.action === "EJECT" && event.enforced) this.ejections += 1;
          },
        },
        { clock, random: createRandom(seed * 1_000_003 + client) },
      ),
    );
  }

  run(): CandidateReport {
    const { scenario } = this;
    for (const event of scenario.events ?? []) this.queue.push(event.at * 1000, event);
    this.queue.push(0, { kind: "arrival" });
    let arrived = 0;
    let nextTick = TICK_MS;
    while (this.queue.nextAt < Number.POSITIVE_INFINITY) {
      const at = this.queue.nextAt;
      for (; nextTick <= at; nextTick += TICK_MS) this.tick(nextTick);
      this.now = at;
      const happening = this.queue.pop();
      if (happening === undefined) break;
      if (!("kind" in happening)) this.apply(happening);
      else if (happening.kind === "end") this.end(happening.flight);
      else {
        this.arrive(arrived);
        arrived += 1;
        if (arrived < scenario.requests) this.queue.push(this.now + this.gap(), happening);
      }
      if (arrived >= scenario.requests && this.ended >= arrived) break;
    }
    return this.report();
  }

  private gap(): number {
    const mean = 1000 / this.scenario.requestsPerSecond;
    return this.scenario.arrivals === "constant" ? mean : -mean * Math.log(1 - this.random());
  }

  private tick(at: number): void {
    this.now = at;
    for (const cluster of this.clusters) cluster.tick(at);
  }

  private arrive(index: number): void {
    const keys = this.scenario.keys ?? 0;
    const key = keys > 0 ? Math.floor(this.random() * keys) : -1;
    const hash = key < 0 ? undefined : xxHash64(`key-${key}`);
    const client = index % this.clusters.length;
    this.attempt({ client, startedAt: this.now, key, hash, attempted: [], pick: undefined, failed: false });
  }

  private attempt(flight: Flight): void {
    const context: PickContext = {
      ...(flight.hash && { hash: flight.hash }),
      ...(flight.attempted.length > 0 && {
        attempted: flight.attempted,
        hostPredicates: [previousHosts],
        hostSelectionRetryMaxAttempts: 5,
      }),
    };
    const pick = this.clusters[flight.client]?.pick(context);
    if (pick?.kind !== "host") {
      this.refused += 1;
      this.ended += 1;
      return;
    }
    const server = this.servers.get(pick.host.address) as Server;
    const { endsAt, failed } = server.serve(this.now, this.random);
    flight.pick = pick;
    flight.failed = failed;
    if (flight.key >= 0 && flight.attempted.length === 0) this.noteKey(flight.key, server.address);
    this.queue.push(endsAt, { kind: "end", flight });
  }

  private noteKey(key: number, address: string): void {
    const before = this.hostOfKey.get(key);
    if (before === undefined) this.hostOfKey.set(key, address);
    else if (before !== address) this.movedKeys.add(key);
  }

  private end(flight: Flight): void {
    const { pick } = flight;
    if (pick === undefined) return;
    pick.done({ result: "response", status: flight.failed ? 503 : 200 });
    if (!flight.failed) {
      this.latencies[this.ended - this.failures - this.refused] = this.now - flight.startedAt;
      this.ended += 1;
    } else if (flight.attempted.length < (this.scenario.retries ?? 0)) {
      this.retries += 1;
      flight.attempted.push(pick.host);
      this.attempt(flight);
    } else {
      this.failures += 1;
      this.ended += 1;
    }
  }

  private apply(event: ScenarioEvent): void {
    const { at: _, hosts: names, health, remove, add, ...behaviour } = event;
    const chosen = this.groups.flatMap((group) =>
      group.hosts
        .map((host) => (typeof host === "string" ? host : host.address))
        .filter((address) => names.includes(group.name) || names.includes(address))
        .map((address) => ({ address, group })),
    );
    for (const { address } of chosen) this.servers.get(address)?.change(behaviour);
    const addresses = chosen.map(({ address }) => address);
    for (const cluster of this.clusters) {
      if (health) cluster.update({ change: addresses.map((address) => ({ address, health })) });
      if (remove) cluster.update({ remove: addresses });
      if (add) cluster.update({ add: chosen.map(({ address, group }) => ({ ...group, hosts: [address] })) });
    }
  }

  private report(): CandidateReport {
    const good = this.ended - this.failures - this.refused;
    const sorted = this.latencies.slice(0, good).sort();
    const requestsByHost = Object.fromEntries([...this.servers.values()].map((each) => [each.address, each.requests]));
    return {
      name: this.name,
      latencyMs: {
        p50: percentile(sorted, 0.5),
        p90: percentile(sorted, 0.9),
        p99: percentile(sorted, 0.99),
        p999: percentile(sorted, 0.999),
      },
      failures: this.failures,
      refused: this.refused,
      retries: this.retries,
      ejections: this.ejections,
      requestsByHost,
      unfairness: this.unfairness(),
      keysMoved: this.hostOfKey.size === 0 ? 0 : this.movedKeys.size / this.hostOfKey.size,
    };
  }

  private unfairness(): number {
    const loads = this.scenario.servers.flatMap((group) =>
      Array.from(
        { length: group.count ?? 1 },
        (_, index) => (this.servers.get(`${group.name}-${index}`)?.requests ?? 0) / (group.weight ?? 1),
      ),
    );
    const mean = loads.reduce((sum, load) => sum + load, 0) / loads.length;
    if (mean === 0) return 0;
    const variance = loads.reduce((sum, load) => sum + (load - mean) ** 2, 0) / loads.length;
    return Math.sqrt(variance) / mean;
  }
}

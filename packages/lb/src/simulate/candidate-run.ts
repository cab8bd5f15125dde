import type { Permit } from "../circuit-breaker-options.js";
import type { Random } from "../clock.js";
import { type Cluster, createCluster } from "../cluster.js";
import type { ClusterOptions } from "../cluster-options.js";
import { xxHash64 } from "../hash/hash-text.js";
import type { Hash64 } from "../hash/hash64.js";
import type { EndpointGroup, Host, HostOptions } from "../host.js";
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
  /** To retry; held until the retry is over. */
  permit: Permit | undefined;
  failed: boolean;
}

/** Servers as the clusters see them. */
interface Group extends EndpointGroup {
  readonly name: string;
  readonly hosts: readonly HostOptions[];
}

type Happening = { readonly kind: "arrival" } | { readonly kind: "end"; readonly flight: Flight } | ScenarioEvent;

/** How far apart ticks of the clusters are. */
const TICK_MS = 1000;
/** How many requests arrive between two calls to whoever watches. */
const WATCH_EVERY = 4096;

/** Plays a scenario for one candidate. */
export class CandidateRun {
  private now = 0;
  private readonly scenario: Scenario;
  private readonly name: string;
  private readonly random: Random;
  private readonly queue = createEventQueue<Happening>();
  private readonly servers = new Map<string, Server>();
  private readonly groups: readonly Group[];
  private readonly clusters: readonly Cluster[];
  private readonly latencies: Float64Array;
  private readonly hostOfKey = new Map<number, string>();
  private readonly movedKeys = new Set<number>();
  private ended = 0;
  private failures = 0;
  private refused = 0;
  private retries = 0;
  private ejections = 0;

  constructor(
    scenario: Scenario,
    name: string,
    options: ClusterOptions | undefined,
    createRandom: (seed: number) => Random,
  ) {
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

  /** @param watch - Gets the number of requests that have arrived. */
  run(watch: (arrived: number) => void): CandidateReport {
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
        if (arrived % WATCH_EVERY === 0) watch(arrived);
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
    const begun = { pick: undefined, permit: undefined, failed: false };
    this.attempt({ client, startedAt: this.now, key, hash, attempted: [], ...begun });
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
      flight.permit?.release();
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
    flight.permit?.release();
    if (!flight.failed) {
      this.latencies[this.ended - this.failures - this.refused] = this.now - flight.startedAt;
      this.ended += 1;
    } else if (this.mayRetry(flight)) {
      this.retries += 1;
      flight.attempted.push(pick.host);
      this.attempt(flight);
    } else {
      this.failures += 1;
      this.ended += 1;
    }
  }

  private mayRetry(flight: Flight): boolean {
    if (flight.attempted.length >= (this.scenario.retries ?? 0)) return false;
    flight.permit = this.clusters[flight.client]?.admit("retry");
    return flight.permit !== undefined;
  }

  private apply(event: ScenarioEvent): void {
    const { at: _, hosts: names, health, remove, add, ...behaviour } = event;
    const chosen = this.groups.flatMap((group) =>
      group.hosts
        .filter(({ address }) => names.includes(group.name) || names.includes(address))
        .map((host) => ({ host, group })),
    );
    for (const { host } of chosen) this.servers.get(host.address)?.change(behaviour);
    const addresses = chosen.map(({ host }) => host.address);
    for (const cluster of this.clusters) {
      if (health) cluster.update({ change: addresses.map((address) => ({ address, health })) });
      if (remove) cluster.update({ remove: addresses });
      if (add) cluster.update({ add: chosen.map(({ host, group }) => ({ ...group, hosts: [host] })) });
    }
  }

  private report(): CandidateReport {
    const good = this.ended - this.failures - this.refused;
    const sorted = this.latencies.slice(0, good).sort();
    const servers = [...this.servers.values()];
    const requestsByHost = Object.fromEntries(servers.map((each) => [each.address, each.requests]));
    const attempts = servers.reduce((sum, each) => sum + each.requests, 0);
    const share = (requests: number): number => (attempts === 0 ? 0 : requests / attempts);
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
      leastShare: share(servers.reduce((least, each) => Math.min(least, each.requests), attempts)),
      mostShare: share(servers.reduce((most, each) => Math.max(most, each.requests), 0)),
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

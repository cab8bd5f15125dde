import { createLoadProbe, hostLoad, type LoadProbe } from "./bounded-load.js";
import { below } from "./clock.js";
import type { Trace } from "./explain.js";
import { type Hash64, hash64FromBigInt, Modulus } from "./hash/hash64.js";
import { hashRequest, type RequestHashPolicy } from "./hash-policy.js";
import type { WeightedKey } from "./hash-ring.js";
import { drawsAllowed, isPassedOver } from "./host-selection.js";
import type { HostState } from "./host-state.js";
import { normalizedHosts } from "./normalized-weights.js";
import type { PickContext } from "./pick.js";
import type { Balancer, BalancerEnv } from "./policy.js";
import { createPriorityChooser } from "./priority-chooser.js";
import type { HostSet, PrioritySet } from "./priority-set.js";

/** What ring hash and Maglev have in common. */
export interface ConsistentHashOptions {
  /** Hash hosts by their name instead of their address. Default: false. */
  readonly useHostnameForHashing?: boolean;
  /** Percent of the average load a host may have, at least 100. Default: no bound. */
  readonly hashBalanceFactor?: number;
  /** Weigh localities as configured. Default: false. */
  readonly localityWeighted?: boolean;
  /** How to hash a request, in place of the hash in the context. Default: the hash in the context. */
  readonly hashPolicy?: readonly RequestHashPolicy[];
}

/** A structure that maps hashes to hosts. */
export interface HashTable {
  /** Index of the host for a hash, whose halves may be signed; −1 if there is none. Allocates nothing. */
  choose(hi: number, lo: number, attempt: number): number;
}

/** What makes one table policy different from another. */
export interface TableBalancerOptions extends ConsistentHashOptions {
  /** Name for traces. */
  readonly name: string;
  /** Makes the table of one priority. */
  createTable(entries: readonly WeightedKey[]): HashTable;
}

const HUNDRED = new Modulus(100);

/** The hash chooses the priority of retries as well: Envoy's tables do not ask `retry_priority`. */
const ANY_ATTEMPT: PickContext = Object.freeze({});

interface LevelTable {
  readonly hosts: readonly HostState[];
  readonly weights: readonly number[];
  readonly table: HashTable;
  readonly probe: LoadProbe | undefined;
}

/**
 * The way of choosing that ring hash and Maglev share: the request's hash chooses the priority and then, in the table of
 * that priority, the host. A table holds the healthy hosts, or all in panic; degraded hosts are never in it. A table is
 * made by the first request that needs it after a change.
 */
export function tableBalancer(set: PrioritySet, env: BalancerEnv, options: TableBalancerOptions): Balancer {
  const chooser = createPriorityChooser(set, env);
  const tables: (LevelTable | undefined)[] = [];
  const { hashBalanceFactor } = options;
  /** The table every first attempt is looked up in, if there is no question of priority or room. */
  let direct: LevelTable | undefined;
  let stale = true;

  const rebuild = (): void => {
    stale = false;
    const priority = hashBalanceFactor === undefined ? chooser.settled() : -1;
    direct = priority < 0 ? undefined : tableOf(priority, false);
  };

  const tableOf = (priority: number, panic: boolean): LevelTable | undefined => {
    const level = set.levels[priority];
    if (level === undefined) return undefined;
    let table = tables[priority];
    if (table === undefined) {
      table = createLevelTable(level, panic, options);
      tables[priority] = table;
    }
    return table;
  };

  /** Index of a host with room for the request that hashed to `primary`. */
  const withRoom = (table: LevelTable, primary: number, lo: number, balanceFactor: number): number => {
    if (primary < 0 || table.probe === undefined) return primary;
    const active = env.totalActive();
    const factorOf = (index: number): number => {
      const host = table.hosts[index] as HostState;
      return hostLoad(active, host.activeRequests, table.weights[index] as number, balanceFactor).overloadFactor;
    };
    const factor = factorOf(primary);
    return factor <= 1 ? primary : table.probe.choose(lo, primary, factor, factorOf);
  };

  const chooseHashed = (hi: number, lo: number, context: PickContext, trace?: Trace): HostState | undefined => {
    if (stale) rebuild();
    if (direct !== undefined && trace === undefined && !context.attempted?.length) {
      return direct.hosts[direct.table.choose(hi, lo, 0)];
    }
    const panic = chooser.choose(ANY_ATTEMPT, HUNDRED.of(hi, lo) + 1, trace);
    const { priority } = chooser.choice;
    if (panic) env.count("lb_healthy_panic");
    const table = tableOf(priority, panic);
    trace?.push({ step: "source", source: panic ? "all" : "healthy", panic, candidates: table?.hosts.length ?? 0 });
    if (table === undefined) return undefined;
    const draws = drawsAllowed(context);
    for (let attempt = 0; ; attempt++) {
      let index = table.table.choose(hi, lo, attempt);
      if (hashBalanceFactor !== undefined) index = withRoom(table, index, lo, hashBalanceFactor);
      const host = table.hosts[index];
      if (host === undefined) return undefined;
      trace?.push({ step: "host", policy: options.name, address: host.address });
      if (attempt + 1 >= draws || !isPassedOver(host, context)) return host;
      trace?.push({ step: "rejected", address: host.address, why: "a host predicate passes it over" });
    }
  };

  return {
    choose(context, trace) {
      const hash = options.hashPolicy ? hashRequest(options.hashPolicy, context.request ?? {}) : contextHash(context);
      // As signed integers: unsigned ones above 2^31 would be boxed on their way through the calls.
      if (hash === undefined)
        return chooseHashed(below(env.random, 2 ** 32) | 0, below(env.random, 2 ** 32) | 0, context, trace);
      return chooseHashed(hash.hi | 0, hash.lo | 0, context, trace);
    },
    refresh(change) {
      chooser.refresh();
      stale = true;
      direct = undefined;
      if (change.kind === "membership" && change.priority !== undefined) tables[change.priority] = undefined;
      else if (change.kind === "membership") tables.length = 0;
      else tables[change.host.priority] = undefined;
      // Whether a priority panics depends on the health of the others, which may be counted by weight.
      const mayPanic = change.kind !== "weight" || set.weightedPriorityHealth;
      if (mayPanic && set.levels.length > 1) tables.length = 0;
    },
  };
}

function contextHash(context: PickContext): Hash64 | undefined {
  return typeof context.hash === "bigint" ? hash64FromBigInt(context.hash) : context.hash;
}

function createLevelTable(level: HostSet, panic: boolean, options: TableBalancerOptions): LevelTable {
  const { hosts, weights } = normalizedHosts(level, panic, options.localityWeighted ?? false);
  const entries = hosts.map((host, index) => ({
    key: hashKey(host, options.useHostnameForHashing ?? false),
    weight: weights[index] as number,
  }));
  return {
    hosts,
    weights,
    table: options.createTable(entries),
    probe: options.hashBalanceFactor === undefined ? undefined : createLoadProbe(hosts.length),
  };
}

/** What is hashed for a host: its `hash_key` if that is a text that is not empty, else its name if wanted, else its address. */
export function hashKey(host: HostState, useHostname: boolean): string {
  const key = host.metadata["hash_key"];
  if (typeof key === "string" && key !== "") return key;
  return useHostname ? host.hostname : host.address;
}

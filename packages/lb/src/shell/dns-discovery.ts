import type { Random, Scheduler } from "../clock.js";
import type { Cluster } from "../cluster.js";
import {
  type DnsAddress,
  type DnsDiscoveryOptions,
  type DnsFamily,
  namedEndpoints,
  nextLookupDelay,
  resolvedGroups,
} from "../discovery.js";
import { LbError } from "../errors.js";
import { systemScheduler } from "./driver.js";

/**
 * Looks a name up; a name without addresses gives an empty list, a look-up that failed rejects. A name is not asked for
 * again before its answer is there, so a resolver sets a limit of its own.
 */
export type DnsResolver = (name: string, family: DnsFamily) => Promise<readonly DnsAddress[]>;

/** What {@link runDnsDiscovery} needs beside the options. */
export interface DnsDiscoveryDeps {
  /** Default: {@link systemResolver}. */
  readonly resolve?: DnsResolver;
  /** Timers. Default: those of this process, which do not keep it alive. */
  readonly scheduler?: Scheduler;
  /** For jitter and back-off. Default: `Math.random`. */
  readonly random?: Random;
}

interface Lookup {
  found: readonly DnsAddress[];
  failures: number;
}

/**
 * Keeps the hosts of a cluster those that their names stand for, until disposed. From the first answer on, a name has the
 * hosts of its last answer, and none before it has one: a name that is slow keeps nobody waiting, as in Envoy. A failed
 * look-up changes nothing, nor does one whose addresses the cluster does not accept; a name without addresses takes its
 * hosts away, except the one of a logical cluster.
 *
 * @throws {@link LbError} `ERR_LB_CONFIG_INVALID` if a logical cluster does not have exactly one name.
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/service_discovery#strict-dns
 */
export function runDnsDiscovery(
  cluster: Cluster,
  options: DnsDiscoveryOptions,
  deps: DnsDiscoveryDeps = {},
): Disposable {
  const { resolve = systemResolver, scheduler = systemScheduler, random = Math.random } = deps;
  const endpoints = namedEndpoints(options.endpoints);
  const logical = options.kind === "logical";
  if (logical && endpoints.length !== 1) {
    const message = `takes exactly one name for LOGICAL_DNS, got ${endpoints.length}`;
    throw new LbError([{ code: "ERR_LB_CONFIG_INVALID", path: "load_assignment.endpoints", message }]);
  }
  // Endpoints with one name and different ports share its look-ups.
  const lookups = new Map<string, Lookup>();
  for (const { name } of endpoints) lookups.set(name, { found: [], failures: 0 });
  const timers = new Map<string, Disposable>();
  let disposed = false;

  const apply = (): void => {
    const addressesOf = (index: number): readonly DnsAddress[] => {
      const { found } = lookups.get(endpoints[index]?.name ?? "") ?? { found: [] };
      return logical ? found.slice(0, 1) : found;
    };
    cluster.update({ replace: resolvedGroups(options.endpoints, endpoints, addressesOf) });
  };

  const lookUp = async (name: string, lookup: Lookup): Promise<void> => {
    const before = lookup.found;
    try {
      const found = await resolve(name, options.family ?? "AUTO");
      if (disposed) return;
      if (found.length > 0 || !logical) lookup.found = found;
      apply();
      lookup.failures = 0;
    } catch (error) {
      if (error instanceof LbError && error.code === "ERR_LB_CLUSTER_DISPOSED") return;
      lookup.found = before;
      lookup.failures += 1;
    }
    if (disposed) return;
    const delayMs = nextLookupDelay(options, lookup.found, lookup.failures, random());
    timers.set(
      name,
      scheduler.after(delayMs, () => void lookUp(name, lookup)),
    );
  };

  for (const [name, lookup] of lookups) void lookUp(name, lookup);
  return {
    [Symbol.dispose]: () => {
      disposed = true;
      for (const timer of timers.values()) timer[Symbol.dispose]();
    },
  };
}

/**
 * Looks names up by DNS with their times to live, and by the system's own rules (such as its hosts file) what DNS does
 * not know. Addresses are found as they are.
 */
export const systemResolver: DnsResolver = async (name, family) => {
  const { isIP } = await import("node:net");
  if (isIP(name) !== 0) return [{ address: name }];
  switch (family) {
    case "V4_ONLY":
      return lookUpFamily(name, 4);
    case "V6_ONLY":
      return lookUpFamily(name, 6);
    case "V4_PREFERRED":
      return firstFound(name, [4, 6]);
    case "AUTO":
      return firstFound(name, [6, 4]);
    case "ALL":
      return (await Promise.all([lookUpFamily(name, 4), lookUpFamily(name, 6)])).flat();
  }
};

async function firstFound(name: string, families: readonly (4 | 6)[]): Promise<readonly DnsAddress[]> {
  for (const family of families) {
    const found = await lookUpFamily(name, family);
    if (found.length > 0) return found;
  }
  return [];
}

const UNKNOWN_NAME = /^(ENOTFOUND|ENODATA)$/;

async function lookUpFamily(name: string, family: 4 | 6): Promise<readonly DnsAddress[]> {
  const dns = await import("node:dns/promises");
  try {
    const records = family === 4 ? await dns.resolve4(name, { ttl: true }) : await dns.resolve6(name, { ttl: true });
    return records.map(({ address, ttl }) => ({ address, ttlMs: 1000 * ttl }));
  } catch {
    // Not known to DNS, or no server to ask: the system may know the name all the same.
    try {
      return (await dns.lookup(name, { all: true, family })).map(({ address }) => ({ address }));
    } catch (error) {
      if (error instanceof Error && "code" in error && UNKNOWN_NAME.test(String(error.code))) return [];
      throw error;
    }
  }
}

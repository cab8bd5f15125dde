import type { Trace } from "../explain.js";
import type { Host } from "../host.js";
import type { HostState } from "../host-state.js";
import type { PickContext } from "../pick.js";
import type { Balancer, BalancerEnv, HostsChange, Policy } from "../policy.js";
import { PolicyCheck } from "../policy-check.js";
import type { PrioritySet } from "../priority-set.js";

/** The address is in a request header. */
export interface OverrideHeader {
  /** Name of the header. */
  readonly header: string;
  /** Not with a header. */
  readonly metadata?: never;
}

/** Where a value of dynamic metadata is. */
export interface MetadataPath {
  /** Name of the filter that wrote it. */
  readonly filter: string;
  /** Keys from the outside in. */
  readonly path: readonly string[];
}

/** The address is in dynamic metadata. */
export interface OverrideMetadata {
  /** Where. */
  readonly metadata: MetadataPath;
  /** Not with metadata. */
  readonly header?: never;
}

/** Where the address of the host to use is found. */
export type OverrideHostSource = OverrideHeader | OverrideMetadata;

/** Options of {@link overrideHost}. */
export interface OverrideHostOptions {
  /** Asked in order; the first with a value that is not empty counts. At least one. */
  readonly sources: readonly OverrideHostSource[];
  /** Chooses when no source names a host that exists. */
  readonly fallbackPolicy: Policy;
}

/**
 * The host that the request names, whatever its health: whoever wrote the address has decided. A list of addresses
 * serves as fallbacks: each retry takes the next one.
 *
 * @throws {@link LbError} `ERR_LB_CONFIG_INVALID` with every option that is out of range.
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/override_host
 */
export function overrideHost(options: OverrideHostOptions): Policy {
  const check = new PolicyCheck();
  if (options.sources.length === 0) check.report("override_host_sources", "must name at least one source");
  for (const [index, source] of options.sources.entries()) {
    if ((source.header === undefined) === (source.metadata === undefined)) {
      check.report(`override_host_sources[${index}]`, "must have exactly one of header and metadata");
    }
  }
  check.done();
  return {
    name: "override_host",
    options,
    balancer: (hosts, env) => new OverrideHost(hosts, env, options),
  };
}

class OverrideHost implements Balancer {
  private readonly sources: readonly OverrideHostSource[];
  private readonly fallback: Balancer;
  private readonly find: (address: string) => HostState | undefined;

  constructor(hosts: PrioritySet, env: BalancerEnv, options: OverrideHostOptions) {
    this.sources = options.sources;
    this.fallback = options.fallbackPolicy.balancer(hosts, env);
    this.find = createAddressIndex(hosts);
  }

  get nextTickAt(): number {
    return this.fallback.nextTickAt ?? Number.POSITIVE_INFINITY;
  }

  choose(context: PickContext, trace?: Trace): Host | undefined {
    const named = namedHost(this.sources, context, this.find);
    if (named === undefined) return this.fallback.choose(context, trace);
    trace?.push({ step: "host", policy: "override_host", address: named.address });
    return named;
  }

  refresh(change: HostsChange): void {
    this.fallback.refresh(change);
  }

  observe(...args: Parameters<NonNullable<Balancer["observe"]>>): void {
    this.fallback.observe?.(...args);
  }

  tick(now: number): void {
    this.fallback.tick?.(now);
  }

  snapshot(): unknown {
    return this.fallback.snapshot?.();
  }

  restore(state: unknown): void {
    this.fallback.restore?.(state);
  }
}

/** Finds hosts by address; built again when the hosts changed. */
function createAddressIndex(set: PrioritySet): (address: string) => HostState | undefined {
  let version = -1;
  let index = new Map<string, HostState>();
  return (address) => {
    if (version !== set.version) {
      version = set.version;
      index = new Map(set.levels.flatMap((level) => level.hosts.map((host) => [host.address, host as HostState])));
    }
    return index.get(address);
  };
}

function namedHost(
  sources: readonly OverrideHostSource[],
  context: PickContext,
  find: (address: string) => HostState | undefined,
): HostState | undefined {
  for (const source of sources) {
    const value = addressesFrom(source, context);
    if (!value) continue;
    let skip = context.attempted?.length ?? 0;
    for (const address of value.split(",")) {
      const host = find(address.trim());
      if (host === undefined) continue;
      if (skip === 0) return host;
      skip -= 1;
    }
    return undefined;
  }
  return undefined;
}

function addressesFrom(source: OverrideHostSource, context: PickContext): string | undefined {
  if (source.header !== undefined) return context.header?.(source.header.toLowerCase());
  const value = context.dynamicMetadata?.(source.metadata.filter, source.metadata.path);
  return typeof value === "string" ? value : undefined;
}

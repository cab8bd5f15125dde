import type { Trace } from "../explain.js";
import type { Host } from "../host.js";
import type { HostState } from "../host-state.js";
import { isListed } from "../listed.js";
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
  /** Asked in order; all they name is tried, one after the other. At least one. */
  readonly sources: readonly OverrideHostSource[];
  /** Chooses when no source names a host that exists. */
  readonly fallbackPolicy: Policy;
  /** Where the address of the host that was chosen is written, by {@link PickContext.setDynamicMetadata}. Default: nowhere. */
  readonly selectedHostKey?: MetadataPath;
}

/**
 * The host that the request names, whatever its health: whoever wrote the address has decided. A list of addresses
 * serves as fallbacks: each retry takes the next one.
 *
 * @throws {@link LbError} `ERR_LB_CONFIG_INVALID` with every option that is out of range.
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/override_host
 */
export function overrideHost(options: OverrideHostOptions): Policy {
  const check = new PolicyCheck(options);
  const sources = check.list("override_host_sources", options.sources);
  if (sources.length === 0) check.report("override_host_sources", "must name at least one source");
  for (const [index, source] of sources.entries()) {
    if ((source?.header === undefined) === (source?.metadata === undefined)) {
      check.report(`override_host_sources[${index}]`, "must have exactly one of header and metadata");
    }
  }
  check.policy("fallback_policy", options.fallbackPolicy);
  if (options.selectedHostKey?.path?.length === 0) check.report("selected_host_key.path", "must name at least one key");
  check.done();
  return {
    name: "override_host",
    options,
    balancer: (hosts, env) => new OverrideHost(hosts, env, options),
  };
}

class OverrideHost implements Balancer {
  private readonly options: OverrideHostOptions;
  private readonly fallback: Balancer;
  private readonly hosts: PrioritySet;
  /** Hosts by address; made by the first request that needs it. */
  private byAddress: Map<string, HostState> | undefined;

  constructor(hosts: PrioritySet, env: BalancerEnv, options: OverrideHostOptions) {
    this.options = options;
    this.fallback = options.fallbackPolicy.balancer(hosts, env);
    this.hosts = hosts;
  }

  get nextTickAt(): number {
    return this.fallback.nextTickAt ?? Number.POSITIVE_INFINITY;
  }

  choose(context: PickContext, trace?: Trace): Host | undefined {
    const host = this.namedHost(context);
    if (host !== undefined) trace?.push({ step: "host", policy: "override_host", address: host.address });
    const chosen = host ?? this.fallback.choose(context, trace);
    const { selectedHostKey } = this.options;
    if (chosen !== undefined && selectedHostKey !== undefined && trace === undefined) {
      context.setDynamicMetadata?.(selectedHostKey.filter, selectedHostKey.path, chosen.address);
    }
    return chosen;
  }

  refresh(change: HostsChange): void {
    if (change.kind === "membership") this.follow(change.hosts);
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

  /** The host named for this attempt: each attempt before it used one up. */
  private namedHost(context: PickContext): HostState | undefined {
    let skip = context.attempted?.length ?? 0;
    for (const source of this.options.sources) {
      const value = addressesFrom(source, context);
      if (!value) continue;
      for (const address of value.split(",")) {
        const host = this.find(address.trim());
        if (host === undefined) continue;
        if (skip === 0) return host;
        skip -= 1;
      }
    }
    return undefined;
  }

  private follow(hosts: readonly Host[] | undefined): void {
    if (hosts === undefined) this.byAddress = undefined;
    for (const host of this.byAddress && hosts ? (hosts as readonly HostState[]) : []) {
      if (isListed(this.hosts, host)) this.byAddress?.set(host.address, host);
      else this.byAddress?.delete(host.address);
    }
  }

  private find(address: string): HostState | undefined {
    this.byAddress ??= new Map(
      this.hosts.levels.flatMap((level) => level.hosts.map((host) => [host.address, host as HostState])),
    );
    return this.byAddress.get(address);
  }
}

function addressesFrom(source: OverrideHostSource, context: PickContext): string | undefined {
  const value =
    source.header === undefined
      ? context.dynamicMetadata?.(source.metadata.filter, source.metadata.path)
      : context.header?.(source.header.toLowerCase());
  return typeof value === "string" ? value : undefined;
}

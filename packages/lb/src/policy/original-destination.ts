import type { Trace } from "../explain.js";
import type { Host } from "../host.js";
import type { PickContext } from "../pick.js";
import type { Balancer, BalancerEnv, Policy } from "../policy.js";
import { PolicyCheck } from "../policy-check.js";
import type { PrioritySet } from "../priority-set.js";
import type { MetadataPath } from "./override-host.js";

/** Options of {@link originalDestination}. */
export interface OriginalDestinationOptions {
  /** A header that names the destination, before anything else. Default: none. */
  readonly header?: string;
  /** Dynamic metadata that names it, after the header. Default: none. */
  readonly metadata?: MetadataPath;
  /** Port in place of the destination's. Default: the destination's. */
  readonly portOverride?: number;
  /** A host nobody asked for during this many milliseconds is taken out. Default: 5000, as in Envoy. */
  readonly cleanupIntervalMs?: number;
}

const DEFAULT_CLEANUP_MS = 5000;
/** An IPv4 or bracketed IPv6 address with a port: what others write into a header becomes a place to connect to. */
const IP_AND_PORT = /^(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-fA-F:.]+\]):\d{1,5}$/;

/**
 * The host a connection was meant for before it was captured ({@link PickContext.originalDestination}); hosts come into
 * being as they are asked for, and go when they are not. For a cluster without hosts of its own.
 *
 * @throws {@link LbError} `ERR_LB_CONFIG_INVALID` with every option that is out of range.
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/original_dst
 */
export function originalDestination(options: OriginalDestinationOptions = {}): Policy {
  new PolicyCheck(options)
    .integer("upstream_port_override", options.portOverride, 0, 65_535)
    .number("cleanup_interval", options.cleanupIntervalMs, Number.MIN_VALUE, Number.MAX_VALUE)
    .done();
  return {
    name: "original_dst",
    options,
    balancer: (hosts, env) => new OriginalDestination(hosts, env, options),
  };
}

class OriginalDestination implements Balancer {
  nextTickAt: number;
  private readonly hosts: PrioritySet;
  private readonly env: BalancerEnv;
  private readonly options: OriginalDestinationOptions;
  private readonly intervalMs: number;
  /** Hosts asked for since the last clean-up. */
  private used = new Set<Host>();

  constructor(hosts: PrioritySet, env: BalancerEnv, options: OriginalDestinationOptions) {
    this.hosts = hosts;
    this.env = env;
    this.options = options;
    this.intervalMs = options.cleanupIntervalMs ?? DEFAULT_CLEANUP_MS;
    this.nextTickAt = env.clock.now() + this.intervalMs;
  }

  choose(context: PickContext, trace?: Trace): Host | undefined {
    const destination = this.destinationOf(context);
    const host = destination === undefined ? undefined : this.env.discover?.(destination);
    if (host === undefined) return undefined;
    this.used.add(host);
    trace?.push({ step: "host", policy: "original_dst", address: host.address });
    return host;
  }

  refresh(): void {
    // Nothing is derived from the lists.
  }

  /** Hosts go one by one when nobody asked for them in a whole interval and no request is under way. */
  tick(now: number): void {
    if (now < this.nextTickAt) return;
    this.nextTickAt = now + this.intervalMs;
    const idle = this.hosts.levels.flatMap(({ hosts }) =>
      hosts.filter((host) => !this.used.has(host) && host.activeRequests === 0),
    );
    this.used = new Set();
    if (idle.length > 0) this.env.forget?.(idle.map((host) => host.address));
  }

  private destinationOf(context: PickContext): string | undefined {
    const { header, metadata, portOverride } = this.options;
    const named = header === undefined ? undefined : context.header?.(header);
    const told = metadata && context.dynamicMetadata?.(metadata.filter, metadata.path);
    for (const candidate of [named, told, context.originalDestination]) {
      if (typeof candidate !== "string" || candidate === "") continue;
      if (isAddress(candidate)) {
        return portOverride ? candidate.replace(/\d+$/, String(portOverride)) : candidate;
      }
      this.env.count("original_dst_host_invalid");
    }
    return undefined;
  }
}

function isAddress(text: string): boolean {
  if (!IP_AND_PORT.test(text)) return false;
  const [port = "", ...rest] = text.split(":").reverse();
  if (Number(port) > 65_535) return false;
  return (
    text.startsWith("[") ||
    rest
      .join()
      .split(".")
      .every((part) => Number(part) <= 255)
  );
}

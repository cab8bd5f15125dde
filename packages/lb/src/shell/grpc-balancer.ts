import { type Cluster, createCluster } from "../cluster.js";
import type { ClusterOptions } from "../cluster-options.js";
import { decodeLoadReport, LOAD_REPORT_BYTES } from "../load-report.js";
import type { HostPick, Outcome, PickContext } from "../pick.js";
import { drive, systemClock } from "./driver.js";
import type {
  GrpcChannelHelper,
  GrpcEndpoint,
  GrpcExperimental,
  GrpcLeaf,
  GrpcPickArgs,
  GrpcPicker,
  GrpcPickResult,
  GrpcStatusOr,
} from "./grpc-types.js";

/** What {@link registerGrpcBalancer} registers. */
export interface GrpcBalancerOptions {
  /** Its name in a channel's service config: `{ loadBalancingConfig: [{ <name>: {} }] }`. Default: `"weftmesh"`. */
  readonly name?: string;
  /**
   * How to balance; hosts, health and panic are the channel's. Called with the config under the name whenever a channel
   * reads its service config; what a channel got first stays. A config it throws for, or whose options are refused, is
   * passed over for the next one of the list, as grpc-js does with any config it cannot read.
   */
  readonly cluster?: (config: unknown) => Omit<ClusterOptions, "hosts" | "endpoints" | "healthyPanicThreshold">;
  /** What the balancer may know of a call. Default: nothing. */
  readonly context?: (args: GrpcPickArgs) => PickContext;
}

/** States of a connection, by grpc-js' numbers. */
const READY = 2;
const CONNECTING = 1;
const IDLE = 0;
const TRANSIENT_FAILURE = 3;
/** Results of a pick, by grpc-js' numbers. */
const COMPLETE = 0;
const NOT_NOW = 2;
const DROP = 3;
const INTERNAL = 13;
const UNAVAILABLE = 14;
/** How long a call may take from its pick to its start, for example to fetch credentials, and keep its host's place. */
const START_MS = 10_000;

/**
 * Makes a balancer of this package available to grpc-js, by the part of its API that is for that:
 * `registerGrpcBalancer(grpc.experimental)`. Addresses come from the channel's resolver; only connected ones are
 * chosen; calls end with an outcome, so that outlier detection, estimates and limits work.
 *
 * The parts of grpc-js that pass through here keep types of its own, hence the casts.
 *
 * @param experimental - `experimental` of `@grpc/grpc-js` 1.14; this package does not load it itself.
 */
export function registerGrpcBalancer(experimental: GrpcExperimental, options: GrpcBalancerOptions = {}): void {
  const { name = "weftmesh" } = options;
  class Config implements GrpcConfig {
    readonly json: unknown;
    readonly options: ClusterOptions;
    constructor(json: unknown) {
      this.json = json;
      this.options = optionsOf(options.cluster?.(json) ?? {});
    }
    getLoadBalancerName(): string {
      return name;
    }
    toJsonObject(): object {
      return { [name]: this.json };
    }
    static createFromJson(json: unknown): Config {
      return new Config(json);
    }
  }
  class Balancer extends GrpcBalancer {
    constructor(helper: GrpcChannelHelper) {
      super(name, experimental, options, helper);
    }
  }
  experimental.registerLoadBalancerType(name, Balancer as never, Config as never);
}

/** What grpc-js made of the channel's service config. */
interface GrpcConfig {
  readonly options: ClusterOptions;
}

/** @throws {@link LbError} as {@link createCluster} does. */
function optionsOf(own: ClusterOptions): ClusterOptions {
  // Panic would choose addresses without a connection.
  const options = { ...own, hosts: [], endpoints: [], updateMergeWindowMs: 0, healthyPanicThreshold: 0 };
  createCluster(options, { clock: systemClock, random: Math.random })[Symbol.dispose]();
  return options;
}

class GrpcBalancer {
  private readonly name: string;
  private readonly experimental: GrpcExperimental;
  private readonly options: GrpcBalancerOptions;
  private readonly helper: GrpcChannelHelper;
  private readonly leaves = new Map<string, GrpcLeaf>();
  private cluster: Cluster | undefined;
  private ticking: Disposable | undefined;
  private updating = false;
  /** Picks whose call has not started yet, oldest first, and since when. grpc-js drops a pick without a word. */
  private readonly unstarted = new Map<HostPick, number>();

  constructor(name: string, experimental: GrpcExperimental, options: GrpcBalancerOptions, helper: GrpcChannelHelper) {
    this.name = name;
    this.experimental = experimental;
    this.options = options;
    this.helper = helper;
  }

  updateAddressList(
    found: GrpcStatusOr<readonly GrpcEndpoint[]>,
    config: GrpcConfig,
    channelOptions: object,
    note: string,
  ): boolean {
    if (!found.ok) {
      if (this.leaves.size === 0) this.fail(found.error.details);
      return true;
    }
    this.cluster ??= this.createCluster(config.options);
    const { LeafLoadBalancer, createChildChannelControlHelper, subchannelAddressToString } = this.experimental;
    const endpoints = new Map(
      found.value.flatMap((endpoint) => {
        const [first] = endpoint.addresses;
        return first === undefined ? [] : [[subchannelAddressToString(first as never), endpoint] as const];
      }),
    );
    this.updating = true;
    for (const [address, leaf] of this.leaves) {
      if (endpoints.has(address)) continue;
      leaf.destroy();
      this.leaves.delete(address);
    }
    for (const [address, endpoint] of endpoints) {
      const known = this.leaves.get(address);
      if (known !== undefined) {
        known.updateEndpoint(endpoint, channelOptions);
        continue;
      }
      const helper = createChildChannelControlHelper(
        this.helper as never,
        { updateState: () => this.onState() } as never,
      );
      const leaf = new LeafLoadBalancer(endpoint as never, helper as never, channelOptions as never, note) as GrpcLeaf;
      this.leaves.set(address, leaf);
      leaf.startConnecting();
    }
    this.updating = false;
    this.cluster.update({ replace: [{ hosts: [...endpoints.keys()] }] });
    if (endpoints.size === 0) this.fail(`no addresses: ${note}`);
    else this.onState();
    return true;
  }

  exitIdle(): void {
    for (const leaf of this.leaves.values()) leaf.exitIdle();
  }

  resetBackoff(): void {
    // Each connection has a back-off of its own, which grpc-js resets.
  }

  destroy(): void {
    for (const leaf of this.leaves.values()) leaf.destroy();
    this.leaves.clear();
    this.ticking?.[Symbol.dispose]();
    this.cluster?.[Symbol.dispose]();
  }

  getTypeName(): string {
    return this.name;
  }

  private createCluster(options: ClusterOptions): Cluster {
    const cluster = createCluster(options, { clock: systemClock, random: Math.random });
    this.ticking = drive(cluster);
    return cluster;
  }

  /** Connections came or went: those that are up are the healthy hosts. */
  private onState(): void {
    if (this.updating || this.cluster === undefined) return;
    const states = new Set<number>();
    const change = [...this.leaves].map(([address, leaf]) => {
      const state = leaf.getConnectivityState();
      states.add(state);
      return { address, health: state === READY ? ("HEALTHY" as const) : ("UNHEALTHY" as const) };
    });
    this.cluster.update({ change });
    // A call whose connection went away before it started is picked for anew.
    for (const pick of this.unstarted.keys()) {
      if (this.leaves.get(pick.host.address)?.getConnectivityState() !== READY) this.giveBack(pick);
    }
    const { QueuePicker } = this.experimental;
    const waiting = new QueuePicker(this as never) as GrpcPicker;
    if (states.has(READY)) this.helper.updateState(READY, { pick: (args) => this.pick(args) }, null);
    else if (states.has(CONNECTING)) this.helper.updateState(CONNECTING, waiting, null);
    else if (states.has(IDLE)) this.helper.updateState(IDLE, waiting, null);
    else this.fail("no connection to any address");
    for (const leaf of this.leaves.values()) if (leaf.getConnectivityState() === IDLE) leaf.startConnecting();
  }

  private fail(details: string): void {
    this.helper.updateState(TRANSIENT_FAILURE, this.unavailable(UNAVAILABLE, details), details);
  }

  private unavailable(code: number, details: string): GrpcPicker {
    return new this.experimental.UnavailablePicker({ code, details } as never) as GrpcPicker;
  }

  private pick(args: GrpcPickArgs): GrpcPickResult {
    const now = systemClock.now();
    for (const [pick, since] of this.unstarted) {
      if (now - since <= START_MS) break;
      this.giveBack(pick);
    }
    let context: PickContext | undefined;
    try {
      context = this.options.context?.(args);
    } catch (error) {
      return { ...this.unavailable(INTERNAL, `context: ${error}`).pick(args), pickResultType: DROP };
    }
    const pick = this.cluster?.pick(context);
    if (pick?.kind !== "host") {
      const reason = pick?.reason ?? "disposed";
      const result = this.unavailable(UNAVAILABLE, `no host: ${reason}`).pick(args);
      return { ...result, pickResultType: reason === "no-healthy-host" ? NOT_NOW : DROP };
    }
    const result = this.leaves.get(pick.host.address)?.getPicker().pick(args);
    if (result?.pickResultType !== COMPLETE) {
      pick.done({ result: "aborted" });
      return result ?? this.unavailable(UNAVAILABLE, "the host was removed").pick(args);
    }
    this.unstarted.set(pick, now);
    return {
      ...result,
      onCallStarted: () => {
        this.unstarted.delete(pick);
        result.onCallStarted?.();
      },
      onCallEnded(code, details, metadata) {
        pick.done({ ...outcomeOfGrpcStatus(code), ...saidIn(metadata) });
        result.onCallEnded?.(code, details, metadata);
      },
    };
  }

  /** Its call is not going to start. */
  private giveBack(pick: HostPick): void {
    this.unstarted.delete(pick);
    pick.done({ result: "aborted" });
  }
}

/** What a backend says in its trailing metadata: its load, and for how long it wants no retries. */
function saidIn(metadata: { get(key: string): unknown[] } | undefined): Pick<Outcome, "load" | "retryAfterMs"> {
  const [bytes] = metadata?.get(LOAD_REPORT_BYTES) ?? [];
  const load = bytes instanceof Uint8Array ? decodeLoadReport(bytes) : undefined;
  const [pushback] = metadata?.get("grpc-retry-pushback-ms") ?? [];
  const retryAfterMs = /^\d{1,9}$/.test(String(pushback)) ? Number(pushback) : undefined;
  return { ...(load && { load }), ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

/** HTTP statuses that gRPC's stand for, by number; see google/rpc/code.proto. */
const HTTP_STATUS = [200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401] as const;

/** What outlier detection is to learn from the status a call ended with. */
export function outcomeOfGrpcStatus(code: number): Outcome {
  if (code === 1) return { result: "aborted" };
  return { result: code === 4 ? "timeout" : "response", status: HTTP_STATUS[code] ?? 500 };
}

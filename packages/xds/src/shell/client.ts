import { GRPC_BACKOFF } from "../backoff.js";
import type { ServerConfig } from "../bootstrap.js";
import type { ClientRules } from "../client/entry.js";
import { afterFailure, afterResponse, type Fallback, FIRST_SERVER, moved } from "../client/fallback.js";
import { interestIn, union } from "../client/interest.js";
import { judge } from "../client/judge.js";
import { nackOf } from "../client/refusal.js";
import { nameOf } from "../client/resource-name.js";
import { CLIENT_FEATURES, clientRules } from "../client/rules.js";
import {
  type ClientEffect,
  type ClientSession,
  type ClientSessionEvent,
  nextTick,
  openClient,
  stepClient,
} from "../client/session.js";
import { type ResourceStatus, resourceDumps, resourceStatuses } from "../client/status.js";
import { type WatchInterest, watchUpdate } from "../client/watch-update.js";
import type { ClientDump } from "../client-dump.js";
import type { ConfigSet } from "../config-set.js";
import { XdsError } from "../errors.js";
import { referencesOf } from "../references.js";
import type { Reference, ResourceType } from "../resource.js";
import type { WatchError, WatchUpdate } from "../watch.js";
import { encodeNode } from "../wire/node.js";
import type { DiscoveryResponse } from "../wire/response.js";
import type { ClientEvent, ClientOptions, XdsClient } from "../xds-client.js";
import { ClientStream } from "./client-stream.js";
import { configFeed } from "./config-feed.js";
import { FederatedClient } from "./federation.js";
import { type Endable, endOn, Feed } from "./feed.js";
import { LastGoodKeeper } from "./last-good-keeper.js";
import { CONFIG_RESOURCE_TYPES, openAny } from "./resource-types.js";

/** Makes a client; it connects when the first watch begins. */
export function createClient(options: ClientOptions): XdsClient {
  const { authorities, defaultServers } = options.bootstrap;
  if (authorities === undefined && defaultServers === undefined) return new GrpcXdsClient(options);
  return new FederatedClient(options, (each) => new GrpcXdsClient(each));
}

/** One watch, of any kind: what it wants of a type, and what to do when the type changed. */
interface Watch {
  /** The type. */
  readonly typeUrl: string;
  /** What it wants. */
  interest: WatchInterest;
  /** Looks at the new state. */
  readonly changed: () => void;
}

class GrpcXdsClient implements XdsClient {
  readonly #options: ClientOptions;
  readonly #types: Map<string, ResourceType<unknown>> = new Map(
    CONFIG_RESOURCE_TYPES.map((type) => [type.typeUrl, type]),
  );
  readonly #references: WeakMap<object, readonly Reference[]> = new WeakMap();
  readonly #watches: Set<Watch> = new Set();
  readonly #feeds: Set<Endable> = new Set();
  readonly #rules: readonly ClientRules[];
  readonly #streams: Map<number, ClientStream> = new Map();
  /** Sessions of servers before the active one that have a stream and have not answered on it. */
  readonly #probes: Map<number, ClientSession> = new Map();
  readonly #keeper: LastGoodKeeper;
  #fallback: Fallback = FIRST_SERVER;
  #session: ClientSession;
  #connection: WatchError | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: ClientOptions) {
    const [server] = options.bootstrap.servers;
    if (server === undefined) throw new XdsError("ERR_XDS_BOOTSTRAP_INVALID", "xds_servers", "at least one is needed");
    this.#options = options;
    this.#keeper = new LastGoodKeeper(options.lastGood, () => this.#session);
    this.#session = openClient(server.variant ?? "delta");
    const { validate = () => [] } = options;
    const judgeResource: ClientRules["judge"] = (typeUrl, name, value) =>
      judge(this.#types.get(typeUrl), typeUrl, name, value, validate, openAny);
    const { dynamicParameters: parameters, validateSet: judgeSet } = options;
    const more = { ...(parameters === undefined ? {} : { parameters }), judgeSet };
    this.#rules = options.bootstrap.servers.map(({ features = [] }) => clientRules(features, judgeResource, more));
  }

  watch<T>(
    type: ResourceType<T>,
    names: readonly string[],
    { signal }: { readonly signal?: AbortSignal } = {},
  ): AsyncIterable<WatchUpdate<T>> {
    this.#types.set(type.typeUrl, type);
    return {
      [Symbol.asyncIterator]: () => {
        let told: WatchUpdate<T> | undefined;
        const feed = new Feed<WatchUpdate<T>>(
          () => {
            const state = this.#session.types.get(type.typeUrl);
            const update = state && watchUpdate<T>(state, watch.interest, told, this.#connection);
            told = update ?? told;
            return update;
          },
          () => this.#remove(watch, feed),
        );
        const watch: Watch = { typeUrl: type.typeUrl, interest: interestIn(names), changed: () => feed.wake() };
        this.#add(watch, feed);
        return endOn(feed, signal);
      },
    };
  }

  config({ signal }: { readonly signal?: AbortSignal } = {}): AsyncIterable<ConfigSet> {
    return {
      [Symbol.asyncIterator]: () => {
        const watches = new Map<string, Watch>();
        const { feed, changed } = configFeed({
          type: (typeUrl) => this.#session.types.get(typeUrl),
          references: (typeUrl, message) => this.#referencesOf(typeUrl, message),
          want: (typeUrl, interest) => {
            const watch = watches.get(typeUrl);
            if (interest === undefined) {
              watches.delete(typeUrl);
              if (watch !== undefined) this.#remove(watch);
            } else if (watch === undefined) {
              const added: Watch = { typeUrl, interest, changed: () => changed() };
              watches.set(typeUrl, added);
              this.#add(added);
            } else {
              watch.interest = interest;
              this.#renew(typeUrl);
            }
          },
        });
        this.#track(feed);
        return endOn(feed, signal);
      },
    };
  }

  status(): readonly ResourceStatus[] {
    return resourceStatuses(this.#session);
  }

  dump(): ClientDump {
    const { node } = this.#options.bootstrap;
    return { node: { cluster: "", ...node }, resources: resourceDumps(this.#session) };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#keeper.flush();
    for (const feed of [...this.#feeds]) feed.end();
    clearTimeout(this.#timer);
    for (const stream of this.#streams.values()) stream.close();
    this.#streams.clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #add(watch: Watch, feed?: Endable): void {
    if (this.#closed) throw new XdsError("ERR_XDS_CLOSED", "client", "it was closed");
    this.#watches.add(watch);
    if (feed !== undefined) this.#track(feed);
    this.#renew(watch.typeUrl);
    if (this.#streams.size === 0) this.#connect(this.#fallback.active);
  }

  #remove(watch: Watch, feed?: Endable): void {
    if (feed !== undefined) this.#feeds.delete(feed);
    if (this.#watches.delete(watch) && !this.#closed) this.#renew(watch.typeUrl);
  }

  #renew(typeUrl: string): void {
    const interests = [...this.#watches].filter((watch) => watch.typeUrl === typeUrl).map(({ interest }) => interest);
    this.#step({ kind: "interest", typeUrl, ...union(interests) });
  }

  #connect(index: number): void {
    const { bootstrap, credentials, backoff = GRPC_BACKOFF } = this.#options;
    const server = bootstrap.servers[index];
    if (server === undefined || this.#streams.has(index)) return;
    const node = encodeNode({
      userAgentName: "weftmesh",
      ...bootstrap.node,
      clientFeatures: [...CLIENT_FEATURES, ...(bootstrap.node.clientFeatures ?? [])],
    });
    const stream = new ClientStream(
      {
        uri: server.uri,
        credentials: credentials?.(server),
        variant: server.variant ?? "delta",
        node,
        parameters: this.#options.dynamicParameters,
        backoff,
        random: Math.random,
      },
      {
        connected: () => this.#connected(index, server),
        response: (response) => this.#response(index, response),
        disconnected: (reason, retryMs) => this.#disconnected(index, server, reason, retryMs),
      },
    );
    this.#streams.set(index, stream);
  }

  #connected(index: number, server: ServerConfig): void {
    this.#emit({ kind: "connected", server: server.uri });
    if (index === this.#fallback.active) {
      this.#step({ kind: "connected" });
      return;
    }
    // Its word counts from its first answer on; until then it is only asked.
    const rules = this.#rules[index];
    if (rules === undefined) return;
    const probe = moved(this.#session, server.variant ?? "delta");
    const { state, effects } = stepClient(probe, { kind: "connected" }, rules, performance.now());
    this.#probes.set(index, state);
    const stream = this.#streams.get(index);
    for (const effect of effects) {
      if (effect.kind === "send-sotw") stream?.sendSotw(effect.request);
      if (effect.kind === "send-delta") stream?.sendDelta(effect.request);
    }
  }

  #response(index: number, response: DiscoveryResponse): void {
    const fallback = afterResponse(this.#fallback, index);
    const recovered = this.#connection !== undefined;
    if (fallback !== this.#fallback) this.#takeOver(index, fallback);
    else if (index !== fallback.active) return;
    this.#connection = undefined;
    this.#step({ kind: "response", response });
    this.#keeper.accepted();
    if (recovered) this.#wakeAll();
    // A reader takes a state in a microtask; whether it is at work shows after that.
    if (this.#options.flowControl === true) setImmediate(() => this.#regulate());
  }

  /** A server that is preferred answers again: its session goes on with what is held, later servers are let go. */
  #takeOver(index: number, fallback: Fallback): void {
    const probe = this.#probes.get(index);
    this.#fallback = fallback;
    this.#probes.delete(index);
    for (const [other, stream] of [...this.#streams]) {
      if (other <= index) continue;
      stream.close();
      this.#streams.delete(other);
    }
    if (probe === undefined) return;
    const held = moved(this.#session, probe.variant).types;
    const types = new Map(probe.types);
    for (const [typeUrl, type] of types)
      types.set(typeUrl, { ...type, entries: held.get(typeUrl)?.entries ?? type.entries });
    this.#session = { ...probe, types };
    // What was wanted in the meantime has not been asked of this server.
    for (const typeUrl of new Set([...this.#watches].map((watch) => watch.typeUrl))) this.#renew(typeUrl);
  }

  #disconnected(index: number, server: ServerConfig, reason: string, retryMs: number): void {
    this.#emit({ kind: "disconnected", server: server.uri, reason, retryMs });
    this.#probes.delete(index);
    if (index !== this.#fallback.active) return;
    const failed = !this.#session.answered;
    this.#step({ kind: "disconnected" });
    // E2: the end of a stream that has answered is not an error.
    if (!failed) return;
    const { servers } = this.#options.bootstrap;
    const fallback = afterFailure(this.#fallback, index, this.#session, servers.length);
    if (fallback !== this.#fallback) {
      this.#fallback = fallback;
      this.#session = moved(this.#session, servers[fallback.active]?.variant ?? "delta");
      this.#connect(fallback.active);
    }
    // The last server of the list cannot be reached either.
    else this.#session = this.#keeper.recalled(this.#session, this.#rules[fallback.active]);
    this.#connection = { kind: "connection", transient: true, message: `${server.uri}: ${reason}` };
    this.#wakeAll();
  }

  #step(event: ClientSessionEvent): void {
    const rules = this.#rules[this.#fallback.active];
    if (rules === undefined) return;
    const { state, effects } = stepClient(this.#session, event, rules, performance.now());
    this.#session = state;
    for (const effect of effects) this.#perform(effect);
    this.#schedule();
  }

  #perform(effect: ClientEffect): void {
    switch (effect.kind) {
      case "send-sotw":
        this.#streams.get(this.#fallback.active)?.sendSotw(effect.request);
        return;
      case "send-delta":
        this.#streams.get(this.#fallback.active)?.sendDelta(effect.request);
        return;
      case "changed":
        for (const watch of [...this.#watches]) if (watch.typeUrl === effect.typeUrl) watch.changed();
        return;
      case "accepted": {
        const { version, resources } = effect.response;
        this.#emit({ kind: "ack", typeUrl: effect.typeUrl, version, resources: resources.map(nameOf) });
        return;
      }
      case "refused":
        this.#emit({ kind: "nack", nack: nackOf(effect, this.#options.bootstrap.node) });
        return;
    }
  }

  // F1: while a reader is at work no further response is read; the server's writes wait in HTTP/2.
  #regulate(): void {
    const busy = [...this.#feeds].some((feed) => feed.busy);
    for (const stream of this.#streams.values()) {
      if (busy) stream.pause();
      else stream.resume();
    }
  }

  #track(feed: Endable): void {
    this.#feeds.add(feed);
    if (this.#options.flowControl === true) feed.onIdle = () => this.#regulate();
  }

  #emit(event: ClientEvent): void {
    this.#options.onEvent?.(event);
  }

  #wakeAll(): void {
    for (const watch of [...this.#watches]) watch.changed();
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const next = this.#closed ? undefined : nextTick(this.#session);
    if (next === undefined) return;
    this.#timer = setTimeout(() => this.#step({ kind: "tick" }), Math.max(0, Math.ceil(next - performance.now())));
  }

  #referencesOf(typeUrl: string, message: unknown): readonly Reference[] {
    if (typeof message !== "object" || message === null) return [];
    let references = this.#references.get(message);
    if (references === undefined) {
      references = referencesOf(typeUrl, message, openAny);
      this.#references.set(message, references);
    }
    return references;
  }
}

import { ChannelCredentials } from "@grpc/grpc-js";
import { GRPC_BACKOFF } from "../backoff.js";
import type { ServerConfig } from "../bootstrap.js";
import type { ClientRules } from "../client/entry.js";
import { interestIn, union } from "../client/interest.js";
import { judge } from "../client/judge.js";
import { resourceName } from "../client/resource-name.js";
import { CLIENT_FEATURES, clientRules } from "../client/rules.js";
import {
  type ClientEffect,
  type ClientSession,
  type ClientSessionEvent,
  nextTick,
  openClient,
  stepClient,
} from "../client/session.js";
import { type WatchInterest, watchUpdate } from "../client/watch-update.js";
import type { ConfigSet } from "../config-set.js";
import { XdsError } from "../errors.js";
import type { Nack } from "../nack.js";
import { referencesOf } from "../references.js";
import type { Reference, ResourceType } from "../resource.js";
import type { WatchError, WatchUpdate } from "../watch.js";
import { encodeNode } from "../wire/node.js";
import type { WireResource } from "../wire/response.js";
import type { ClientEvent, ClientOptions, XdsClient } from "../xds-client.js";
import { ClientStream } from "./client-stream.js";
import { configFeed } from "./config-feed.js";
import { type Endable, endOn, Feed } from "./feed.js";
import { CONFIG_RESOURCE_TYPES, openAny } from "./resource-types.js";

/** Makes a client; it connects when the first watch begins. */
export function createClient(options: ClientOptions): XdsClient {
  return new GrpcXdsClient(options);
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
  readonly #server: ServerConfig;
  readonly #rules: ClientRules;
  #session: ClientSession;
  #stream: ClientStream | undefined;
  #connection: WatchError | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: ClientOptions) {
    const [server] = options.bootstrap.servers;
    if (server === undefined) throw new XdsError("ERR_XDS_BOOTSTRAP_INVALID", "xds_servers", "at least one is needed");
    this.#options = options;
    this.#server = server;
    this.#session = openClient(server.variant ?? "delta");
    const { validate = () => [] } = options;
    const judgeResource: ClientRules["judge"] = (typeUrl, name, value) =>
      judge(this.#types.get(typeUrl), typeUrl, name, value, validate, openAny);
    this.#rules = clientRules(server.features ?? [], judgeResource);
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
        this.#feeds.add(feed);
        return endOn(feed, signal);
      },
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const feed of [...this.#feeds]) feed.end();
    clearTimeout(this.#timer);
    this.#stream?.close();
    this.#stream = undefined;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #add(watch: Watch, feed?: Endable): void {
    if (this.#closed) throw new XdsError("ERR_XDS_CLOSED", "client", "it was closed");
    this.#watches.add(watch);
    if (feed !== undefined) this.#feeds.add(feed);
    this.#renew(watch.typeUrl);
    this.#stream ??= this.#connect();
  }

  #remove(watch: Watch, feed?: Endable): void {
    if (feed !== undefined) this.#feeds.delete(feed);
    if (this.#watches.delete(watch) && !this.#closed) this.#renew(watch.typeUrl);
  }

  #renew(typeUrl: string): void {
    const interests = [...this.#watches].filter((watch) => watch.typeUrl === typeUrl).map(({ interest }) => interest);
    this.#step({ kind: "interest", typeUrl, ...union(interests) });
  }

  #connect(): ClientStream {
    const { bootstrap, credentials, backoff = GRPC_BACKOFF } = this.#options;
    const node = encodeNode({
      userAgentName: "weftmesh",
      ...bootstrap.node,
      clientFeatures: [...CLIENT_FEATURES, ...(bootstrap.node.clientFeatures ?? [])],
    });
    return new ClientStream(
      {
        uri: this.#server.uri,
        credentials: credentials?.(this.#server) ?? ChannelCredentials.createInsecure(),
        variant: this.#session.variant,
        node,
        backoff,
        random: Math.random,
      },
      {
        connected: () => {
          this.#step({ kind: "connected" });
          this.#emit({ kind: "connected", server: this.#server.uri });
        },
        response: (response) => {
          const recovered = this.#connection !== undefined;
          this.#connection = undefined;
          this.#step({ kind: "response", response });
          if (recovered) this.#wakeAll();
        },
        disconnected: (reason, retryMs) => {
          const failed = !this.#session.answered;
          this.#step({ kind: "disconnected" });
          this.#emit({ kind: "disconnected", server: this.#server.uri, reason, retryMs });
          // E2: the end of a stream that has answered is not an error.
          if (!failed) return;
          this.#connection = { kind: "connection", transient: true, message: `${this.#server.uri}: ${reason}` };
          this.#wakeAll();
        },
      },
    );
  }

  #step(event: ClientSessionEvent): void {
    const { state, effects } = stepClient(this.#session, event, this.#rules, performance.now());
    this.#session = state;
    for (const effect of effects) this.#perform(effect);
    this.#schedule();
  }

  #perform(effect: ClientEffect): void {
    switch (effect.kind) {
      case "send-sotw":
        this.#stream?.sendSotw(effect.request);
        return;
      case "send-delta":
        this.#stream?.sendDelta(effect.request);
        return;
      case "changed":
        for (const watch of [...this.#watches]) if (watch.typeUrl === effect.typeUrl) watch.changed();
        return;
      case "accepted": {
        const { version, resources } = effect.response;
        this.#emit({ kind: "ack", typeUrl: effect.typeUrl, version, resources: resources.map(wireName) });
        return;
      }
      case "refused":
        this.#emit({ kind: "nack", nack: this.#nack(effect) });
        return;
    }
  }

  #nack({ typeUrl, response, findings, status }: Extract<ClientEffect, { readonly kind: "refused" }>): Nack {
    const { id, cluster = "" } = this.#options.bootstrap.node;
    const reasons = [...findings].flatMap(([resource, list]) =>
      list.map(({ path, message }) => ({ resource, ...(path === "" ? {} : { field: path }), reason: message })),
    );
    const { nonce, version } = response;
    const node = { ...this.#options.bootstrap.node, id, cluster };
    return { node, typeUrl, nonce, version, code: status.code, message: status.message, reasons };
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

function wireName(resource: WireResource): string {
  return resource.name === "" ? resourceName(resource.value) : resource.name;
}

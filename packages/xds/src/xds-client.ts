import type { ChannelCredentials } from "@grpc/grpc-js";
import type { BackoffConfig } from "./backoff.js";
import type { Bootstrap, ServerConfig } from "./bootstrap.js";
import type { LastGoodStore } from "./client/last-good.js";
import type { ResourceStatus } from "./client/status.js";
import type { ClientDump } from "./client-dump.js";
import type { ConfigSet } from "./config-set.js";
import type { DynamicParameters } from "./dynamic-parameters.js";
import type { Nack } from "./nack.js";
import type { Finding, MessageResource, ResourceType } from "./resource.js";
import type { WatchUpdate } from "./watch.js";

/** What happened on a client; given to {@link ClientOptions.onEvent}. */
export type ClientEvent =
  | {
      /** A stream to a server is open. */
      readonly kind: "connected";
      /** The server's target. */
      readonly server: string;
    }
  | {
      /** A stream ended or could not be opened; the client tries again. */
      readonly kind: "disconnected";
      /** The server's target. */
      readonly server: string;
      /** Why, as the transport says. */
      readonly reason: string;
      /** When it tries again, in milliseconds from now. */
      readonly retryMs: number;
    }
  | {
      /** A response was accepted as a whole. */
      readonly kind: "ack";
      /** The type. */
      readonly typeUrl: string;
      /** The version accepted. */
      readonly version: string;
      /** Names in it. */
      readonly resources: readonly string[];
    }
  | {
      /** A response held resources that were refused. Its valid resources are in use. */
      readonly kind: "nack";
      /** What was refused and why. */
      readonly nack: Nack;
    };

/** How a client is made. */
export interface ClientOptions {
  /** Where to ask and who asks. */
  readonly bootstrap: Bootstrap;
  /** Makes the credentials of a server's channel. Default: plain text. */
  readonly credentials?: (server: ServerConfig) => ChannelCredentials;
  /**
   * Judges a resource that has passed the structure rules, for example by compiling it. Every `Any` of a known type in it
   * is open. An error in the result refuses
   * the resource with its path and message; other resources are not affected. Must not throw.
   */
  readonly validate?: (resource: MessageResource) => readonly Finding[];
  /**
   * Judges the names a type would have after a response, as Envoy's `config_validators` do: a reason refuses the response
   * as a whole, for example one that deletes all clusters. Default: any set will do. Must not throw.
   */
  readonly validateSet?: (typeUrl: string, names: ReadonlySet<string>) => string | undefined;
  /** Facts by which the server chooses among variants of a resource (xRFC TP2). Default none. */
  readonly dynamicParameters?: DynamicParameters;
  /**
   * Whether the next response is read only when every reader has finished with the state it took, as in grpc-go (F1). One
   * reader that does not come back then stops all others. Default false: readers that are behind skip states.
   */
  readonly flowControl?: boolean;
  /**
   * Keeps what was accepted, to start from it when no server can be reached (N10): `fileLastGood(path)`. Secrets are never
   * written. Default: nothing is kept.
   */
  readonly lastGood?: LastGoodStore;
  /** Waits between failed attempts to connect. Default: gRPC's, 1 s × 1.6 up to 120 s, ±20 %. */
  readonly backoff?: BackoffConfig;
  /** Called synchronously on every event; must be quick and must not throw. */
  readonly onEvent?: (event: ClientEvent) => void;
}

/** An xDS client: one connection to a management server, shared by all watches. */
export interface XdsClient extends AsyncDisposable {
  /**
   * Follows resources of one type. Each update is the whole state of the watch; a slow reader skips states and never
   * queues them.
   *
   * @param type - A message value of xds-types, for example `Cluster`.
   * @param names - Names, or `["*"]` for all the server has for this node.
   * @param options - `signal` ends the watch.
   */
  watch<T>(
    type: ResourceType<T>,
    names: readonly string[],
    options?: { readonly signal?: AbortSignal },
  ): AsyncIterable<WatchUpdate<T>>;
  /**
   * Follows everything a proxy needs: listeners and clusters with all they refer to. Yields only complete, consistent,
   * warmed sets; what is refused or missing keeps its last good form.
   */
  config(options?: { readonly signal?: AbortSignal }): AsyncIterable<ConfigSet>;
  /** What the client knows of each resource it asked for or holds, in the words of CSDS. */
  status(): readonly ResourceStatus[];
  /** The same with the resources themselves, for `registerClientStatus`. */
  dump(): ClientDump;
  /** Ends all watches and the connection. */
  close(): Promise<void>;
}

import type { Metadata, Server, ServerCredentials, ServerDuplexStream } from "@grpc/grpc-js";
import type { Cache } from "./cache.js";
import type { ClientDump } from "./client-dump.js";
import type { Nack } from "./nack.js";
import type { NodeIdentity } from "./node.js";
import type { AdmissionConfig } from "./server/admission.js";

/** What grpc-js knows of the peer after the TLS handshake. */
export type AuthContext = ReturnType<ServerDuplexStream<Buffer, Buffer>["getAuthContext"]>;

/** What happened on a server; given to {@link ServerOptions.onEvent}. */
export type ServerEvent =
  | {
      /** A client opened a stream and said who it is. */
      readonly kind: "connected";
      /** Counts the streams of this server, from 1. */
      readonly stream: number;
      /** Who. */
      readonly node: NodeIdentity;
      /** From where, as the transport says: `127.0.0.1:53012`. */
      readonly peer: string;
      /** Which protocol variant it speaks. */
      readonly variant: "sotw" | "delta";
    }
  | {
      /** A stream ended, for whatever reason. */
      readonly kind: "disconnected";
      /** The stream. */
      readonly stream: number;
      /** Who it was. */
      readonly node: NodeIdentity;
    }
  | {
      /** A response was handed to the transport. */
      readonly kind: "sent";
      /** The stream. */
      readonly stream: number;
      /** To whom. */
      readonly node: NodeIdentity;
      /** The type of the resources. */
      readonly typeUrl: string;
      /** The version of the type's view. */
      readonly version: string;
      /** The nonce that the answer will carry. */
      readonly nonce: string;
      /** Names in the response. */
      readonly resources: readonly string[];
      /** Names the response takes away (delta). */
      readonly removed: readonly string[];
    }
  | {
      /** A client accepted a response. */
      readonly kind: "ack";
      /** The stream. */
      readonly stream: number;
      /** Who. */
      readonly node: NodeIdentity;
      /** The type. */
      readonly typeUrl: string;
      /** The version it accepted. */
      readonly version: string;
      /** The nonce it answered. */
      readonly nonce: string;
    }
  | {
      /** A client refused a response. The same content is not sent again to it. */
      readonly kind: "nack";
      /** The stream. */
      readonly stream: number;
      /** What was refused and why. */
      readonly nack: Nack;
    };

/** How a server is made. */
export interface ServerOptions {
  /** Where resources come from. */
  readonly cache: Cache;
  /** Called synchronously on every event; must be quick and must not throw. */
  readonly onEvent?: (event: ServerEvent) => void;
  /** Decides who may have a stream; throws with the reason if not. Default: everybody who can connect. */
  readonly authorize?: (caller: Caller) => void;
  /**
   * Bounds how many new streams are answered in a second, so that a fleet that comes back at once does not starve itself
   * (F3). Default: no bound.
   */
  readonly admission?: AdmissionConfig;
  /** Adds further services to the gRPC server of each port, for example `registerLoadStats`. Default none. */
  readonly register?: (server: Server) => void;
  /**
   * Called with names that a client asks for and the cache does not have: virtual hosts by VHDS, clusters by ODCDS, or any
   * other. It may publish them; the answer waits for the promise, and what is not there then is said not to exist.
   * Default: said at once.
   */
  readonly onDemand?: (demand: Demand) => Promise<void> | undefined;
}

/** What a client asks for that is not there; given to {@link ServerOptions.onDemand}. */
export interface Demand {
  /** Who asks. */
  readonly node: NodeIdentity;
  /** The type of what is asked for. */
  readonly typeUrl: string;
  /** The names. */
  readonly names: readonly string[];
}

/** Who opens a stream; given to {@link ServerOptions.authorize}. */
export interface Caller {
  /** Who it says it is. */
  readonly node: NodeIdentity;
  /** From where, as the transport says: `127.0.0.1:53012`. */
  readonly peer: string;
  /** The call's metadata, for example a token. */
  readonly metadata: Metadata;
  /** What the transport verified: with mutual TLS the peer's certificate. */
  readonly auth: AuthContext;
}

/** What one client holds of one type, as far as the server knows. */
export interface ClientTypeStatus {
  /** The type. */
  readonly typeUrl: string;
  /** The version last sent; empty before the first response. */
  readonly sentVersion: string;
  /** The version last acknowledged; empty before the first acknowledgement. */
  readonly ackedVersion: string;
  /** The refusal that still stands, if any. */
  readonly nack?: Nack;
}

/** One connected client. */
export interface ClientStatus {
  /** The stream. */
  readonly stream: number;
  /** Who. */
  readonly node: NodeIdentity;
  /** From where. */
  readonly peer: string;
  /** By type. */
  readonly types: readonly ClientTypeStatus[];
}

/** A running xDS server. */
export interface XdsServer extends AsyncDisposable {
  /**
   * Binds and serves.
   *
   * @param address - `host:port` or `unix:PATH`; port 0 picks a free one.
   * @param credentials - Default: plain text.
   * @returns The port; 0 for a Unix socket.
   * @throws {@link XdsError} `ERR_XDS_LISTEN_FAILED` if the address cannot be bound.
   */
  listen(address: string, credentials?: ServerCredentials): Promise<number>;
  /** Adds the discovery services to a gRPC server of yours, for one port that serves other things too. */
  register(server: Server): void;
  /** Who is connected and what they acknowledged. */
  clients(): readonly ClientStatus[];
  /** What each client was sent and made of it, resource by resource, for `registerClientStatus`. */
  dump(): readonly ClientDump[];
  /** Ends all streams and stops listening. */
  close(): Promise<void>;
}

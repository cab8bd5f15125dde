import type { NodeIdentity } from "./node.js";

/** One client and its resources, as the client status service (CSDS) tells them. */
export interface ClientDump {
  /** Who. */
  readonly node: NodeIdentity;
  /** Tells several streams or targets of one node apart. */
  readonly scope?: string;
  /** What it was sent, or asked for. */
  readonly resources: readonly ResourceDump[];
}

/** One resource of one client. */
export interface ResourceDump {
  /** The type. */
  readonly typeUrl: string;
  /** The name. */
  readonly name: string;
  /** The version held, as far as known. */
  readonly version?: string;
  /** The encoded resource. */
  readonly value?: Uint8Array;
  /** The server's view: acknowledged, not sent yet, sent and not acknowledged, refused. */
  readonly configStatus?: "SYNCED" | "NOT_SENT" | "STALE" | "ERROR";
  /** The client's view. */
  readonly clientStatus?: "REQUESTED" | "DOES_NOT_EXIST" | "ACKED" | "NACKED" | "RECEIVED_ERROR" | "TIMEOUT";
  /** Why it was refused. */
  readonly error?: string;
}

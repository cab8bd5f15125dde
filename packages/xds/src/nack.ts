import type { NodeIdentity } from "./node.js";

/** A refusal of configuration, by a client of ours or by this client, in a form that can be acted on. */
export interface Nack {
  /** Who refused. */
  readonly node: NodeIdentity;
  /** The type of the refused response. */
  readonly typeUrl: string;
  /** The nonce of the refused response. */
  readonly nonce: string;
  /** The version that was refused, as sent. */
  readonly version: string;
  /** `google.rpc.Status` code; 3 (INVALID_ARGUMENT) or 13 (INTERNAL) are usual. */
  readonly code: number;
  /** The client's own words, cut at 4 KiB. */
  readonly message: string;
  /** One entry for each problem that could be told apart; at least one. */
  readonly reasons: readonly NackReason[];
}

/** One problem in a {@link Nack}. */
export interface NackReason {
  /** The resource it is about; absent if the message does not say and the response held more than one. */
  readonly resource?: string;
  /** The field in proto spelling, if the message names one: `virtual_hosts[0].routes[2].match`. */
  readonly field?: string;
  /** What is wrong with it. */
  readonly reason: string;
}

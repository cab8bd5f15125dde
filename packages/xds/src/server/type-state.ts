import type { Nack } from "../nack.js";
import { explainNack } from "../nack-explain.js";
import type { NodeIdentity } from "../node.js";
import type { EncodedResource } from "../resource.js";
import type { Status } from "../wire/status.js";
import { forget, type Held, heldVersion, NOTHING_HELD } from "./held.js";
import { NO_SUBSCRIPTION, type Subscription } from "./subscription.js";

/** A response that was sent and not answered yet. */
export interface Sent {
  /** The version of the view it was made from. */
  readonly version: string;
  /** What it carried. */
  readonly resources: readonly EncodedResource[];
}

/** One sub-stream: a type on a stream. */
export interface TypeState {
  /** The type. */
  readonly typeUrl: string;
  /** What the client wants. */
  readonly subscription: Subscription;
  /** What the client is believed to hold. */
  readonly held: Held;
  /** Whether an answer is due although it may be empty. */
  readonly owed: boolean;
  /** Whether the client asked for something since the last flush; what it asked for does not wait for other types. */
  readonly asked: boolean;
  /** Resources the client should lose and keeps until nothing refers to them any more; full sets repeat them. */
  readonly retained: ReadonlyMap<string, EncodedResource>;
  /** The version the client claimed in its first request; it may hold exactly that. */
  readonly claimedVersion: string;
  /** Unanswered responses by nonce: the last one in state of the world, several in delta. */
  readonly outstanding: ReadonlyMap<string, Sent>;
  /**
   * State of the world: responses that were followed by another before they were answered. A late refusal of one still says
   * what the client does not hold.
   */
  readonly superseded: ReadonlyMap<string, Sent>;
  /** The nonce sent last; empty before the first response. */
  readonly lastNonce: string;
  /** Names in refused responses: the client holds the new version, or the old one, or none. */
  readonly suspects: ReadonlySet<string>;
  /** Versions the client named as broken: not sent again (S3). */
  readonly blamed: ReadonlyMap<string, string>;
  /** The version sent last. */
  readonly sentVersion: string;
  /** The version acknowledged last. */
  readonly ackedVersion: string;
  /** The refusal that stands, if one does. */
  readonly nack: Nack | undefined;
}

const NOBODY: ReadonlySet<string> = new Set();

/** Nothing that should be gone is kept. */
export const NOTHING_RETAINED: ReadonlyMap<string, EncodedResource> = new Map();

/** A sub-stream before its first request. */
export function openType(typeUrl: string): TypeState {
  return {
    typeUrl,
    subscription: NO_SUBSCRIPTION,
    held: NOTHING_HELD,
    owed: false,
    asked: false,
    retained: NOTHING_RETAINED,
    claimedVersion: "",
    outstanding: new Map(),
    superseded: new Map(),
    lastNonce: "",
    suspects: NOBODY,
    blamed: new Map(),
    sentVersion: "",
    ackedVersion: "",
    nack: undefined,
  };
}

/**
 * A sub-stream with some of its fields replaced.
 *
 * Written out because each client of a change pays for it several times: a spread that is then overridden takes thirty times
 * as long.
 */
export function replace(state: TypeState, fields: Partial<Omit<TypeState, "typeUrl">>): TypeState {
  return {
    typeUrl: state.typeUrl,
    subscription: fields.subscription ?? state.subscription,
    held: fields.held ?? state.held,
    owed: fields.owed ?? state.owed,
    asked: fields.asked ?? state.asked,
    retained: fields.retained ?? state.retained,
    claimedVersion: fields.claimedVersion ?? state.claimedVersion,
    outstanding: fields.outstanding ?? state.outstanding,
    superseded: fields.superseded ?? state.superseded,
    lastNonce: fields.lastNonce ?? state.lastNonce,
    suspects: fields.suspects ?? state.suspects,
    blamed: fields.blamed ?? state.blamed,
    sentVersion: fields.sentVersion ?? state.sentVersion,
    ackedVersion: fields.ackedVersion ?? state.ackedVersion,
    nack: "nack" in fields ? fields.nack : state.nack,
  };
}

/** An answer to a response: what it means for the sub-stream, and what to tell the owner. */
export interface Answer {
  /** The sub-stream afterwards. */
  readonly state: TypeState;
  /** The acceptance, if it is one. */
  readonly ack?: { readonly version: string; readonly nonce: string };
  /** The refusal, if it is one. */
  readonly nack?: Nack;
  /** Names it asks for that were not asked for before, or are asked for again. */
  readonly added?: readonly string[];
  /** Whether nothing becomes due by it: it only acknowledges, or answers a response that was superseded. */
  readonly quiet?: boolean;
}

/**
 * Books an ACK or NACK. A NACK is a request with `error_detail`, whatever its version says (S2).
 *
 * @param node - Who answers, for the report.
 */
export function answer(
  state: TypeState,
  nonce: string,
  sent: Sent,
  error: Status | undefined,
  node: NodeIdentity,
): Answer {
  const outstanding = new Map(state.outstanding);
  outstanding.delete(nonce);
  if (error !== undefined) return refuse(replace(state, { outstanding }), nonce, sent, error, node);
  const ack = { version: sent.version, nonce };
  const accepted = { outstanding, ackedVersion: sent.version };
  if (state.nack === undefined) return { state: replace(state, accepted), ack };
  const suspects = new Set(state.suspects);
  const blamed = new Map(state.blamed);
  for (const { name } of sent.resources) {
    suspects.delete(name);
    blamed.delete(name);
  }
  const nack = suspects.size > 0 ? state.nack : undefined;
  return { state: replace(state, { ...accepted, suspects, blamed, nack }), ack };
}

/** Books a late NACK: what of its response was not replaced since is not held. */
export function answerLate(state: TypeState, nonce: string, error: Status | undefined, node: NodeIdentity): Answer {
  const sent = state.superseded.get(nonce);
  if (sent === undefined) return { state };
  const superseded = new Map(state.superseded);
  superseded.delete(nonce);
  const settled = replace(state, { superseded });
  const resources = sent.resources.filter(({ name, version }) => heldVersion(state.held, name) === version);
  if (error === undefined || resources.length === 0) return { state: settled };
  return refuse(settled, nonce, { ...sent, resources }, error, node);
}

function refuse(state: TypeState, nonce: string, sent: Sent, error: Status, node: NodeIdentity): Answer {
  const names = sent.resources.map(({ name }) => name);
  const reasons = explainNack(error.message, names);
  const { typeUrl } = state;
  const nack: Nack = { node, typeUrl, nonce, version: sent.version, code: error.code, message: error.message, reasons };
  const versions = new Map(sent.resources.map(({ name, version }) => [name, version]));
  const blamed = new Map(state.blamed);
  for (const { resource } of reasons) {
    const version = resource === undefined ? undefined : versions.get(resource);
    if (resource !== undefined && version !== undefined) blamed.set(resource, version);
  }
  return { state: replace(state, { suspects: new Set([...state.suspects, ...names]), blamed, nack }), nack };
}

/**
 * After a refusal, once any resource of the refused response has changed: none of them is surely held any more, so all
 * are sent again (D9), except those the client called broken and that are still the same.
 */
export function resendSuspects(state: TypeState, changed: readonly EncodedResource[]): Held {
  if (!changed.some(({ name }) => state.suspects.has(name))) return state.held;
  return forget(
    state.held,
    [...state.suspects].filter((name) => !state.blamed.has(name)),
  );
}

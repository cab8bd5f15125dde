import type { TypeView } from "../cache.js";
import { comparePushOrder, TYPE_URL } from "../discovery-types.js";
import type { Nack } from "../nack.js";
import type { NodeIdentity } from "../node.js";
import type { DeltaRequest, SotwRequest } from "../wire/request.js";
import type { OutgoingResponse } from "../wire/response.js";
import { flushDelta, receiveDelta } from "./delta.js";
import { heartbeats, nextBeat, supportsTtl } from "./heartbeat.js";
import { forget } from "./held.js";
import { mustFollow, mustOutlive, withholdRemovals } from "./ordering.js";
import { type Flushing, send } from "./sending.js";
import { flushSotw, receiveSotw } from "./sotw.js";
import { covers } from "./subscription.js";
import { replace, type TypeState } from "./type-state.js";

/** One stream as the server sees it. */
export interface Session {
  /** The protocol variant of the stream. */
  readonly variant: "sotw" | "delta";
  /** The only type of a stream that is not aggregated. */
  readonly fixedType: string | undefined;
  /** Who is at the other end, from the first request on. */
  readonly node: NodeIdentity | undefined;
  /** The sub-streams by type URL. */
  readonly types: ReadonlyMap<string, TypeState>;
  /** How many responses were sent: nonces are unique on the stream, not only in a type. */
  readonly sentCount: number;
  /** Endpoints of clusters that were sent and whose endpoints were not since: the clusters may be warming (D4, O4). */
  readonly warming: ReadonlySet<string>;
  /** Types with something to send that has to follow other types. */
  readonly waiting: ReadonlySet<string>;
  /** When what waits is sent whatever the client has acknowledged (O3). */
  readonly deadline: number | undefined;
}

/** What can happen to a session. */
export type SessionEvent =
  | { readonly kind: "sotw-request"; readonly request: SotwRequest }
  | { readonly kind: "delta-request"; readonly request: DeltaRequest }
  | {
      /** The transport takes responses: bring these types to what the cache has. */
      readonly kind: "flush";
      readonly typeUrls: Iterable<string>;
      readonly view: (typeUrl: string) => TypeView | undefined;
    }
  | {
      /** The time for a heartbeat has come. */
      readonly kind: "beat";
      readonly typeUrl: string;
      readonly view: (typeUrl: string) => TypeView | undefined;
    };

/** What the shell has to do or to tell. */
export type SessionEffect =
  | { readonly kind: "identified"; readonly node: NodeIdentity }
  | { readonly kind: "send"; readonly response: OutgoingResponse }
  | { readonly kind: "ack"; readonly typeUrl: string; readonly version: string; readonly nonce: string }
  | { readonly kind: "nack"; readonly nack: Nack }
  | { readonly kind: "wanted"; readonly typeUrl: string; readonly names: readonly string[] }
  | { readonly kind: "dirty"; readonly typeUrl: string }
  | {
      /** Send a heartbeat of the type then. */
      readonly kind: "beat";
      readonly typeUrl: string;
      readonly at: number;
    }
  | {
      /** Flush the waiting types then at the latest. */
      readonly kind: "wake";
      readonly at: number;
    }
  | { readonly kind: "close"; readonly code: number; readonly message: string };

/** What does not change during a stream. */
export interface SessionRules {
  /** The most bytes one response may have; larger batches of types that may be split are (D12). */
  readonly maxResponseBytes: number;
  /** The most types one stream may ask for (F4). */
  readonly maxTypes: number;
  /** The most names one type of a stream may subscribe to (F4). */
  readonly maxNames: number;
  /** The most unanswered delta responses of one type; beyond, the type waits. */
  readonly maxOutstanding: number;
  /** How long make-before-break waits for acknowledgements, in milliseconds. */
  readonly orderingMs: number;
  /** Whether names that do not exist are reported to this client (D8). */
  readonly reportMissing: (node: NodeIdentity) => boolean;
}

/** A session and what its last event asks for. */
export interface SessionStep {
  /** The session afterwards. */
  readonly state: Session;
  /** In the order in which they must happen. */
  readonly effects: readonly SessionEffect[];
}

const INVALID_ARGUMENT = 3;
const RESOURCE_EXHAUSTED = 8;

/** A stream before its first request. */
export function openSession(variant: "sotw" | "delta", fixedType?: string): Session {
  return {
    variant,
    fixedType,
    node: undefined,
    types: new Map(),
    sentCount: 0,
    warming: new Set(),
    waiting: new Set(),
    deadline: undefined,
  };
}

/**
 * Moves a session by one event.
 *
 * @param now - Monotonic milliseconds.
 */
export function stepSession(state: Session, event: SessionEvent, rules: SessionRules, now: number): SessionStep {
  switch (event.kind) {
    case "flush":
      return flush(state, event, rules, now);
    case "beat":
      return beat(state, event, now);
    default:
      return receive(state, event, rules);
  }
}

function receive(
  state: Session,
  event: Extract<SessionEvent, { readonly request: unknown }>,
  rules: SessionRules,
): SessionStep {
  const { request } = event;
  // V6: only the first request is sure to carry the node; the server keeps that one.
  const node = state.node ?? request.node;
  if (node === undefined) return refused(state, INVALID_ARGUMENT, "the first request of a stream must carry node");
  const typeUrl = request.typeUrl === "" ? state.fixedType : request.typeUrl;
  if (typeUrl === undefined) return refused(state, INVALID_ARGUMENT, "type_url is missing on an aggregated stream");
  if (state.fixedType !== undefined && typeUrl !== state.fixedType) {
    return refused(state, INVALID_ARGUMENT, `this stream carries ${state.fixedType}, not ${typeUrl.slice(0, 256)}`);
  }
  const before = state.types.get(typeUrl);
  if (before === undefined && state.types.size >= rules.maxTypes) {
    return refused(state, RESOURCE_EXHAUSTED, `more than ${rules.maxTypes} types on one stream`);
  }
  const answered =
    event.kind === "sotw-request"
      ? receiveSotw(before, typed(event.request, typeUrl), node)
      : receiveDelta(before, typed(event.request, typeUrl), node);
  if (answered.state.subscription.names.size > rules.maxNames) {
    return refused(state, RESOURCE_EXHAUSTED, `more than ${rules.maxNames} names subscribed of ${typeUrl}`);
  }
  const effects: SessionEffect[] = [];
  if (state.node === undefined) effects.push({ kind: "identified", node });
  const { ack } = answered;
  if (ack !== undefined) effects.push({ kind: "ack", typeUrl, version: ack.version, nonce: ack.nonce });
  if (answered.nack !== undefined) effects.push({ kind: "nack", nack: answered.nack });
  if (answered.added !== undefined && answered.added.length > 0) {
    effects.push({ kind: "wanted", typeUrl, names: answered.added });
  }
  if (answered.quiet !== true || (ack !== undefined && isHeldBack(state, typeUrl, rules))) {
    effects.push({ kind: "dirty", typeUrl });
  }
  // An answer may be what others wait for.
  if (ack !== undefined || answered.nack !== undefined) {
    for (const waiting of state.waiting) if (waiting !== typeUrl) effects.push({ kind: "dirty", typeUrl: waiting });
  }
  const { variant, fixedType, sentCount, warming, waiting, deadline } = state;
  const types = new Map(state.types).set(typeUrl, answered.state);
  return { state: { variant, fixedType, node, types, sentCount, warming, waiting, deadline }, effects };
}

// What was not sent because of unanswered responses may go once they are answered.
function isHeldBack({ types, waiting }: Session, typeUrl: string, { maxOutstanding }: SessionRules): boolean {
  return waiting.has(typeUrl) || (types.get(typeUrl)?.outstanding.size ?? 0) >= maxOutstanding;
}

function typed<T extends { readonly typeUrl: string }>(request: T, typeUrl: string): T {
  return request.typeUrl === typeUrl ? request : { ...request, typeUrl };
}

function refused(state: Session, code: number, message: string): SessionStep {
  return { state, effects: [{ kind: "close", code, message }] };
}

function flush(
  state: Session,
  event: Extract<SessionEvent, { readonly kind: "flush" }>,
  rules: SessionRules,
  now: number,
): SessionStep {
  const { node } = state;
  if (node === undefined) return { state, effects: [] };
  const { variant, fixedType } = state;
  const { types, sentCount, warming } = state;
  const flushing: Flushing = { types: new Map(types), sentCount, warming, effects: [] };
  const patient = state.deadline === undefined || now < state.deadline;
  const waiting = new Set(state.waiting);
  // O1: what is referred to goes first. Endpoints follow clusters, so that what a cluster makes due is seen.
  const due = new Set(patient ? event.typeUrls : [...event.typeUrls, ...state.waiting]);
  if (due.has(TYPE_URL.cluster)) due.add(TYPE_URL.endpoints);
  for (const typeUrl of [...due].sort(comparePushOrder)) {
    const before = flushing.types.get(typeUrl);
    const view = event.view(typeUrl);
    if (before === undefined || view === undefined) continue;
    if (before.outstanding.size >= rules.maxOutstanding) continue;
    waiting.delete(typeUrl);
    const type = typeUrl === TYPE_URL.endpoints ? owingEndpoints(flushing, before) : before;
    let batch = variant === "sotw" ? flushSotw(type, view) : flushDelta(type, view, rules.reportMissing(node));
    if (batch.content !== undefined && fixedType === undefined) {
      if (patient && mustFollow(flushing, type, batch.content.changed, event.view)) {
        waiting.add(typeUrl);
        continue;
      }
      if (batch.content.gone.length > 0 && mustOutlive(flushing, typeUrl, event.view, patient)) {
        waiting.add(typeUrl);
        batch = withholdRemovals(type, batch, variant === "sotw");
      }
    }
    send(flushing, batch, event.view, view, variant === "delta", rules.maxResponseBytes);
    const at = supportsTtl(node) && batch.content !== undefined ? nextBeat(view, now) : undefined;
    if (at !== undefined) flushing.effects.push({ kind: "beat", typeUrl, at });
  }
  let deadline = waiting.size === 0 ? undefined : state.deadline;
  if (waiting.size > 0 && (deadline === undefined || deadline <= now)) {
    deadline = now + rules.orderingMs;
    flushing.effects.push({ kind: "wake", at: deadline });
  }
  const { effects } = flushing;
  const moved = { types: flushing.types, sentCount: flushing.sentCount, warming: flushing.warming };
  return { state: { variant, fixedType, node, ...moved, waiting, deadline }, effects };
}

function beat(
  state: Session,
  { typeUrl, view }: Extract<SessionEvent, { readonly kind: "beat" }>,
  now: number,
): SessionStep {
  const type = state.types.get(typeUrl);
  const current = view(typeUrl);
  if (type === undefined || current === undefined) return { state, effects: [] };
  const bodiless = heartbeats(type, current);
  const at = nextBeat(current, now);
  const again: readonly SessionEffect[] = at === undefined ? [] : [{ kind: "beat", typeUrl, at }];
  if (bodiless.length === 0) return { state, effects: again };
  const sentCount = state.sentCount + 1;
  const nonce = String(sentCount);
  const { version } = current;
  const sent = { version, resources: [] };
  const outstanding = state.variant === "delta" ? new Map(type.outstanding).set(nonce, sent) : new Map([[nonce, sent]]);
  const types = new Map(state.types).set(typeUrl, replace(type, { outstanding, lastNonce: nonce }));
  const response = { version, typeUrl, nonce, resources: [], removed: [], bodiless };
  return { state: { ...state, sentCount, types }, effects: [{ kind: "send", response }, ...again] };
}

// The client drops nothing when it gets endpoints twice; without them a changed cluster may warm for ever.
function owingEndpoints(flushing: Flushing, type: TypeState): TypeState {
  const names = [...flushing.warming].filter((name) => covers(type.subscription, { name }));
  if (names.length === 0) return type;
  const warming = new Set(flushing.warming);
  for (const name of names) warming.delete(name);
  flushing.warming = warming;
  return replace(type, { held: forget(type.held, names) });
}

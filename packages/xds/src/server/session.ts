import type { TypeView } from "../cache.js";
import { comparePushOrder, isFullSet, TYPE_URL } from "../discovery-types.js";
import type { Nack } from "../nack.js";
import type { NodeIdentity } from "../node.js";
import type { EncodedResource } from "../resource.js";
import type { DeltaRequest, SotwRequest } from "../wire/request.js";
import { type OutgoingResponse, resourceSizeHint } from "../wire/response.js";
import { flushDelta, receiveDelta } from "./delta.js";
import { forget } from "./held.js";
import { type Batch, flushSotw, receiveSotw } from "./sotw.js";
import { covers } from "./subscription.js";
import type { Sent, TypeState } from "./type-state.js";

/** One stream as the server sees it. */
export interface Session {
  /** The protocol variant of the stream. */
  readonly variant: "sotw" | "delta";
  /** The only type of a stream that is not aggregated. */
  readonly fixedType?: string;
  /** Who is at the other end, from the first request on. */
  readonly node?: NodeIdentity;
  /** The sub-streams by type URL. */
  readonly types: ReadonlyMap<string, TypeState>;
  /** How many responses were sent: nonces are unique on the stream, not only in a type. */
  readonly sentCount: number;
  /** Endpoints of clusters that were sent and whose endpoints were not since: the clusters may be warming (D4, O4). */
  readonly warming: ReadonlySet<string>;
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
    };

/** What the shell has to do or to tell. */
export type SessionEffect =
  | { readonly kind: "identified"; readonly node: NodeIdentity }
  | { readonly kind: "send"; readonly response: OutgoingResponse }
  | { readonly kind: "ack"; readonly typeUrl: string; readonly version: string; readonly nonce: string }
  | { readonly kind: "nack"; readonly nack: Nack }
  | { readonly kind: "dirty"; readonly typeUrl: string }
  | { readonly kind: "close"; readonly code: number; readonly message: string };

/** What does not change during a stream. */
export interface SessionRules {
  /** The most bytes one response may have; larger batches of types that may be split are (D12). */
  readonly maxResponseBytes: number;
  /** The most types one stream may ask for (F4). */
  readonly maxTypes: number;
  /** The most unanswered delta responses of one type; beyond, the type waits. */
  readonly maxOutstanding: number;
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
    ...(fixedType === undefined ? {} : { fixedType }),
    types: new Map(),
    sentCount: 0,
    warming: new Set(),
  };
}

/** Moves a session by one event. */
export function stepSession(state: Session, event: SessionEvent, rules: SessionRules): SessionStep {
  return event.kind === "flush" ? flush(state, event, rules) : receive(state, event, rules);
}

function receive(
  state: Session,
  event: Exclude<SessionEvent, { readonly kind: "flush" }>,
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
      ? receiveSotw(before, { ...event.request, typeUrl }, node)
      : receiveDelta(before, { ...event.request, typeUrl }, node);
  const effects: SessionEffect[] = [];
  if (state.node === undefined) effects.push({ kind: "identified", node });
  if (answered.ack !== undefined) effects.push({ kind: "ack", typeUrl, ...answered.ack });
  if (answered.nack !== undefined) effects.push({ kind: "nack", nack: answered.nack });
  if (answered.state !== before) effects.push({ kind: "dirty", typeUrl });
  const types = new Map(state.types).set(typeUrl, answered.state);
  return { state: { ...state, node, types }, effects };
}

function refused(state: Session, code: number, message: string): SessionStep {
  return { state, effects: [{ kind: "close", code, message }] };
}

function flush(
  state: Session,
  event: Extract<SessionEvent, { readonly kind: "flush" }>,
  rules: SessionRules,
): SessionStep {
  const { node } = state;
  if (node === undefined) return { state, effects: [] };
  const effects: SessionEffect[] = [];
  let next = state;
  // O1: what is referred to goes first. Endpoints follow clusters, so that what a cluster makes due is seen.
  const due = new Set(event.typeUrls);
  if (due.has(TYPE_URL.cluster)) due.add(TYPE_URL.endpoints);
  for (const typeUrl of [...due].sort(comparePushOrder)) {
    const before = next.types.get(typeUrl);
    const view = event.view(typeUrl);
    if (before === undefined || view === undefined) continue;
    if (before.outstanding.size >= rules.maxOutstanding) continue;
    let type = before;
    if (typeUrl === TYPE_URL.endpoints && next.warming.size > 0) {
      const names = [...next.warming].filter((name) => covers(before.subscription, name));
      // The client drops nothing when it gets endpoints twice; without them a changed cluster may warm for ever.
      if (names.length > 0) type = { ...before, held: forget(before.held, names) };
      next = { ...next, warming: without(next.warming, names) };
    }
    const batch = next.variant === "sotw" ? flushSotw(type, view) : flushDelta(type, view, rules.reportMissing(node));
    next = send(next, batch, view, rules, effects);
  }
  return { state: next, effects };
}

function send(
  session: Session,
  { state, content }: Batch,
  view: TypeView,
  rules: SessionRules,
  effects: SessionEffect[],
): Session {
  const { typeUrl } = state;
  if (content === undefined) return { ...session, types: new Map(session.types).set(typeUrl, state) };
  const delta = session.variant === "delta";
  const splittable = delta || !isFullSet(typeUrl);
  const parts = splittable ? split(content.resources, rules.maxResponseBytes) : [content.resources];
  const outstanding = new Map<string, Sent>(delta ? state.outstanding : []);
  let { sentCount } = session;
  let nonce = "";
  parts.forEach((resources, index) => {
    sentCount++;
    nonce = String(sentCount);
    // O1: removals last.
    const removed = index === parts.length - 1 ? content.removed : [];
    if (!delta) outstanding.clear();
    outstanding.set(nonce, { version: view.version, resources });
    effects.push({ kind: "send", response: { version: view.version, typeUrl, nonce, resources, removed } });
  });
  const sent: TypeState = { ...state, outstanding, lastNonce: nonce, sentVersion: view.version };
  return {
    ...session,
    sentCount,
    types: new Map(session.types).set(typeUrl, sent),
    warming: typeUrl === TYPE_URL.cluster ? warmedBy(session.warming, content.changed) : session.warming,
  };
}

function warmedBy(warming: ReadonlySet<string>, clusters: readonly EncodedResource[]): ReadonlySet<string> {
  const next = new Set(warming);
  for (const cluster of clusters) for (const name of endpointNames(cluster)) next.add(name);
  return next;
}

function without(names: ReadonlySet<string>, gone: readonly string[]): ReadonlySet<string> {
  const next = new Set(names);
  for (const name of gone) next.delete(name);
  return next;
}

// A cluster whose content is not known is taken for an EDS cluster of its own name, the default of service_name.
function endpointNames(cluster: EncodedResource): readonly string[] {
  if (cluster.references === undefined) return [cluster.name];
  return cluster.references.filter(({ typeUrl }) => typeUrl === TYPE_URL.endpoints).map(({ name }) => name);
}

function split(resources: readonly EncodedResource[], maxBytes: number): readonly (readonly EncodedResource[])[] {
  const parts: EncodedResource[][] = [];
  let part: EncodedResource[] = [];
  let bytes = 0;
  for (const resource of resources) {
    const size = resourceSizeHint(resource);
    if (part.length > 0 && bytes + size > maxBytes) {
      parts.push(part);
      part = [];
      bytes = 0;
    }
    part.push(resource);
    bytes += size;
  }
  parts.push(part);
  return parts;
}

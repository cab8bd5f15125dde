import { allowsLegacyWildcard, comparePushOrder } from "../discovery-types.js";
import { describeFindings } from "../nack-explain.js";
import type { Finding } from "../resource.js";
import type { DeltaRequest, SotwRequest } from "../wire/request.js";
import type { DiscoveryResponse } from "../wire/response.js";
import type { Status } from "../wire/status.js";
import { type ClientEntry, type ClientRules, type ClientType, openClientType, wants } from "./entry.js";
import { type Intake, takeResponse } from "./response.js";

/** What a client knows and wants of one server, across streams. */
export interface ClientSession {
  /** The protocol variant. */
  readonly variant: "sotw" | "delta";
  /** Whether a stream is open. */
  readonly connected: boolean;
  /** Whether the open stream has brought a response: its end is no failure then (E2). */
  readonly answered: boolean;
  /** By type URL. */
  readonly types: ReadonlyMap<string, ClientType>;
}

/** What can happen to a client. */
export type ClientSessionEvent =
  | {
      /** The watchers of a type want this, all together. */
      readonly kind: "interest";
      readonly typeUrl: string;
      readonly wildcard: boolean;
      readonly names: ReadonlySet<string>;
    }
  | { readonly kind: "connected" }
  | { readonly kind: "response"; readonly response: DiscoveryResponse }
  | { readonly kind: "disconnected" }
  | { readonly kind: "tick" };

/** What the shell has to do or to tell. */
export type ClientEffect =
  | { readonly kind: "send-sotw"; readonly request: SotwRequest }
  | { readonly kind: "send-delta"; readonly request: DeltaRequest }
  | { readonly kind: "changed"; readonly typeUrl: string; readonly names: readonly string[] }
  | { readonly kind: "accepted"; readonly typeUrl: string; readonly response: DiscoveryResponse }
  | {
      readonly kind: "refused";
      readonly typeUrl: string;
      readonly response: DiscoveryResponse;
      readonly findings: ReadonlyMap<string, readonly Finding[]>;
      readonly status: Status;
    };

/** A client session and what its last event asks for. */
export interface ClientStep {
  /** The session afterwards. */
  readonly state: ClientSession;
  /** In the order in which they must happen. */
  readonly effects: readonly ClientEffect[];
}

const INVALID_ARGUMENT = 3;
const NO_VERSIONS: ReadonlyMap<string, string> = new Map();

/** A client that wants nothing yet. */
export function openClient(variant: "sotw" | "delta"): ClientSession {
  return { variant, connected: false, answered: false, types: new Map() };
}

/**
 * Moves a client by one event.
 *
 * @param now - Monotonic milliseconds.
 */
export function stepClient(
  state: ClientSession,
  event: ClientSessionEvent,
  rules: ClientRules,
  now: number,
): ClientStep {
  switch (event.kind) {
    case "interest":
      return interest(state, event, rules, now);
    case "connected":
      return connected(state, rules, now);
    case "response":
      return respond(state, event.response, rules, now);
    case "disconnected":
      return { state: disconnected(state), effects: [] };
    case "tick":
      return tick(state, rules, now);
  }
}

/** When the next `tick` is due; `undefined` if nothing waits. */
export function nextTick(state: ClientSession): number | undefined {
  let next = Number.POSITIVE_INFINITY;
  for (const { entries } of state.types.values()) {
    for (const { deadline = next, expiry = next } of entries.values()) next = Math.min(next, deadline, expiry);
  }
  return next === Number.POSITIVE_INFINITY ? undefined : next;
}

function interest(
  state: ClientSession,
  event: Extract<ClientSessionEvent, { readonly kind: "interest" }>,
  rules: ClientRules,
  now: number,
): ClientStep {
  const before = state.types.get(event.typeUrl) ?? openClientType(event.typeUrl);
  const { wildcard, names } = event;
  const subscribe = [...names].filter((name) => !before.names.has(name));
  const unsubscribe = [...before.names].filter((name) => !names.has(name));
  if (before.wildcard === wildcard && subscribe.length + unsubscribe.length === 0) return { state, effects: [] };
  const wanted: ClientType = { ...before, wildcard, names };
  const entries = new Map([...before.entries].filter(([name, entry]) => wants(wanted, name, entry.aliases)));
  for (const name of subscribe) if (!entries.has(name)) entries.set(name, { status: "requested" });
  const type: ClientType = { ...wanted, entries };
  if (!state.connected) return { state: withType(state, type), effects: [] };
  const asked = state.variant === "delta" && before.requested;
  if (asked && wildcard !== before.wildcard) (wildcard ? subscribe : unsubscribe).push("*");
  const sent = asked ? change(type, subscribe, unsubscribe) : ask(state, type);
  return { state: withType(state, startTimers(sent.type, rules, now)), effects: [sent.effect] };
}

function connected(state: ClientSession, rules: ClientRules, now: number): ClientStep {
  let next: ClientSession = { ...state, connected: true, answered: false };
  const effects: ClientEffect[] = [];
  for (const typeUrl of [...state.types.keys()].sort(comparePushOrder)) {
    const type = state.types.get(typeUrl);
    if (type === undefined || (!type.wildcard && type.names.size === 0)) continue;
    const sent = ask(next, type);
    next = withType(next, startTimers(sent.type, rules, now));
    effects.push(sent.effect);
  }
  return { state: next, effects };
}

interface Sent {
  readonly type: ClientType;
  readonly effect: ClientEffect;
}

/** The whole wish: always in state of the world, the first request of a stream in delta. */
function ask(state: ClientSession, type: ClientType): Sent {
  // S7, D10: naming nothing means everything where the type allows it and nothing was named on this stream before; older
  // servers know only this form.
  const legacy = type.wildcard && type.names.size === 0 && !type.everNamed && allowsLegacyWildcard(type.typeUrl);
  const names = legacy ? [] : [...(type.wildcard ? ["*"] : []), ...type.names];
  const next: ClientType = { ...type, requested: true, everNamed: type.everNamed || names.length > 0 };
  if (state.variant === "sotw") {
    return { type: next, effect: { kind: "send-sotw", request: sotwRequest(type, names) } };
  }
  const versions = new Map<string, string>();
  for (const [name, { accepted }] of type.entries) {
    if (accepted !== undefined && accepted.foreign !== true) versions.set(name, accepted.version);
  }
  const request = { ...deltaRequest(type.typeUrl), subscribe: names, initialResourceVersions: versions };
  return { type: next, effect: { kind: "send-delta", request } };
}

function change(type: ClientType, subscribe: readonly string[], unsubscribe: readonly string[]): Sent {
  const request = { ...deltaRequest(type.typeUrl), subscribe, unsubscribe };
  return { type: { ...type, everNamed: true }, effect: { kind: "send-delta", request } };
}

function sotwRequest(type: ClientType, resourceNames: readonly string[]): SotwRequest {
  return { versionInfo: type.version, resourceNames, typeUrl: type.typeUrl, responseNonce: type.nonce };
}

function deltaRequest(typeUrl: string): DeltaRequest {
  return { typeUrl, subscribe: [], unsubscribe: [], initialResourceVersions: NO_VERSIONS, responseNonce: "" };
}

function respond(state: ClientSession, response: DiscoveryResponse, rules: ClientRules, now: number): ClientStep {
  const before = state.types.get(response.typeUrl);
  // A type that was never asked for has no one to judge it; answering would subscribe to it.
  if (before === undefined) return { state: { ...state, answered: true }, effects: [] };
  const { type, changed, refused } = judgedAsSet(
    before,
    takeResponse(before, state.variant, response, rules, now),
    rules,
  );
  const { typeUrl } = type;
  const effects: ClientEffect[] = [];
  const status = refused.size === 0 ? undefined : { code: INVALID_ARGUMENT, message: describeFindings(refused) };
  // S11: every response is answered exactly once, before anything else is said about the type.
  effects.push(answerTo(state, type, response.nonce, status));
  if (changed.length > 0) effects.push({ kind: "changed", typeUrl, names: changed });
  else if (!before.answered) effects.push({ kind: "changed", typeUrl, names: [] });
  if (status === undefined) effects.push({ kind: "accepted", typeUrl, response });
  else effects.push({ kind: "refused", typeUrl, response, findings: refused, status });
  return { state: { ...withType(state, type), answered: true }, effects };
}

// N10: as Envoy's config_validators do, a set that cannot be meant is refused as a whole, for example a mass deletion.
function judgedAsSet(before: ClientType, intake: Intake, { judgeSet }: ClientRules): Intake {
  const { type } = intake;
  const names = new Set<string>();
  for (const [name, { accepted }] of type.entries) if (accepted !== undefined) names.add(name);
  const message = judgeSet?.(type.typeUrl, names);
  if (message === undefined) return intake;
  const kept: ClientType = { ...before, nonce: type.nonce, answered: true };
  return { type: kept, changed: [], refused: new Map([...intake.refused, ["*", [{ path: "", message }]]]) };
}

function answerTo(state: ClientSession, type: ClientType, nonce: string, status: Status | undefined): ClientEffect {
  const detail = status === undefined ? {} : { errorDetail: status };
  if (state.variant === "delta") {
    return { kind: "send-delta", request: { ...deltaRequest(type.typeUrl), responseNonce: nonce, ...detail } };
  }
  const pure = type.wildcard && type.names.size === 0 && !type.everNamed;
  const names = pure ? [] : [...(type.wildcard ? ["*"] : []), ...type.names];
  return { kind: "send-sotw", request: { ...sotwRequest(type, names), ...detail } };
}

function disconnected(state: ClientSession): ClientSession {
  const types = new Map<string, ClientType>();
  for (const [typeUrl, type] of state.types) {
    const entries = new Map<string, ClientEntry>();
    for (const [name, entry] of type.entries) {
      // E1: no stream, no timer. What is held stays held.
      const { deadline, ...rest } = entry;
      entries.set(name, deadline === undefined ? entry : rest);
    }
    types.set(typeUrl, { ...type, entries, nonce: "", requested: false, everNamed: false });
  }
  return { ...state, connected: false, answered: false, types };
}

function tick(state: ClientSession, rules: ClientRules, now: number): ClientStep {
  let next = state;
  const effects: ClientEffect[] = [];
  for (const [typeUrl, type] of state.types) {
    const names: string[] = [];
    const entries = new Map(type.entries);
    for (const [name, entry] of type.entries) {
      if (entry.deadline !== undefined && entry.deadline <= now) {
        entries.set(name, timedOut(rules));
        names.push(name);
      } else if (entry.expiry !== undefined && entry.expiry <= now) {
        if (type.names.has(name)) entries.set(name, { status: "does-not-exist" });
        else entries.delete(name);
        names.push(name);
      }
    }
    if (names.length === 0) continue;
    next = withType(next, { ...type, entries });
    effects.push({ kind: "changed", typeUrl, names });
  }
  return { state: next, effects };
}

function timedOut({ timerIsTransient }: ClientRules): ClientEntry {
  if (!timerIsTransient) return { status: "timeout" };
  return {
    status: "timeout",
    error: { kind: "server", transient: true, message: "the server did not answer in time" },
  };
}

function startTimers(type: ClientType, { missingAfterMs }: ClientRules, now: number): ClientType {
  const deadline = now + missingAfterMs;
  const entries = new Map<string, ClientEntry>();
  for (const [name, entry] of type.entries) {
    const waits = entry.status === "requested" && entry.accepted === undefined && entry.deadline === undefined;
    entries.set(name, waits ? { ...entry, deadline } : entry);
  }
  return { ...type, entries };
}

function withType(state: ClientSession, type: ClientType): ClientSession {
  return { ...state, types: new Map(state.types).set(type.typeUrl, type) };
}

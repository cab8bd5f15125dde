import type { TypeView } from "../cache.js";
import { TYPE_URL } from "../discovery-types.js";
import type { NodeIdentity } from "../node.js";
import type { DeltaRequest } from "../wire/request.js";
import { canonicalName } from "../xdstp.js";
import { difference, forget, type Held, holding, NOTHING_HELD, remember } from "./held.js";
import type { Batch } from "./sotw.js";
import { changeNames, type SubscriptionChange } from "./subscription.js";
import {
  type Answer,
  answer,
  NOTHING_RETAINED,
  openType,
  replace,
  resendSuspects,
  type TypeState,
} from "./type-state.js";

/** Takes in a delta request of one type. `state` is `undefined` before the first. */
export function receiveDelta(state: TypeState | undefined, request: DeltaRequest, node: NodeIdentity): Answer {
  const first = state === undefined;
  const before = state ?? openType(request.typeUrl);
  const sent = before.outstanding.get(request.responseNonce);
  // D5: an unknown nonce answers nothing, but unlike state of the world its changes of subscription count.
  const answered: Answer =
    sent === undefined ? { state: before } : answer(before, request.responseNonce, sent, request.errorDetail, node);
  const booked = answered.state;
  const { subscribe, unsubscribe, parameters } = request;
  if (!first && subscribe.length + unsubscribe.length === 0 && parameters === undefined) {
    return { ...answered, quiet: answered.ack !== undefined && before.nack === undefined };
  }
  const change = changeNames(booked.subscription, booked.typeUrl, subscribe, unsubscribe, first, parameters);
  const asksForAll = change.next.wildcard && (!booked.subscription.wildcard || subscribe.includes("*"));
  const held = first
    ? remember(forget(NOTHING_HELD, change.added), canonical(request.initialResourceVersions))
    : rebook(booked, change);
  const owed = booked.owed || asksForAll;
  const asked = booked.asked || asksForAll || change.added.length > 0;
  return {
    ...answered,
    added: change.added,
    state: replace(booked, { subscription: change.next, held, owed, asked }),
  };
}

function* canonical(versions: ReadonlyMap<string, string>): Iterable<readonly [string, string]> {
  for (const [name, version] of versions) yield [canonicalName(name), version];
}

function rebook(state: TypeState, { next, added, removed }: SubscriptionChange): Held {
  // What a wildcard brings was not followed while there was none.
  if (next.wildcard && !state.subscription.wildcard) return forget(NOTHING_HELD, added);
  // D7: under a wildcard the client must hear whether it keeps what it unsubscribed by name.
  const due = next.wildcard ? [...added, ...removed] : added;
  return due.length === 0 ? state.held : forget(state.held, due);
}

/**
 * Decides what a client has to be sent to be at `view`.
 *
 * @param reportMissing - Whether a name that does not exist is answered by `removed_resources` (D8).
 */
export function flushDelta(state: TypeState, view: TypeView, reportMissing: boolean): Batch {
  const settled = replace(state, { held: holding(view), owed: false, asked: false, retained: NOTHING_RETAINED });
  const first = difference(state.held, view, state.subscription);
  const held = resendSuspects(state, first.changed);
  const { changed, removed } = held === state.held ? first : difference(held, view, state.subscription);
  const gone = removed.filter((name) => wasHeld(state.held, name));
  // N1: a paused request resumes on a resource without a body that has the requested name; a removal would not free it.
  const onDemand = state.typeUrl === TYPE_URL.virtualHost;
  const unknown = onDemand ? removed.filter((name) => !gone.includes(name)) : [];
  const reported = reportMissing && !onDemand ? removed : gone;
  // An empty answer to a wildcard says that there is nothing; without it Envoy waits for its initial fetch timeout.
  if (changed.length + reported.length + unknown.length === 0 && !state.owed) return { state: settled };
  return { state: settled, content: { resources: changed, changed, removed: reported, gone, unknown } };
}

function wasHeld({ base, patch }: Held, name: string): boolean {
  return patch.get(name) !== undefined || base?.resources.has(name) === true;
}

import type { TypeView } from "../cache.js";
import { isFullSet } from "../discovery-types.js";
import type { NodeIdentity } from "../node.js";
import type { EncodedResource } from "../resource.js";
import type { SotwRequest } from "../wire/request.js";
import { difference, forget, heldVersion, holding, NOTHING_HELD } from "./held.js";
import { covers, replaceNames } from "./subscription.js";
import {
  type Answer,
  answer,
  answerLate,
  NOTHING_RETAINED,
  openType,
  replace,
  resendSuspects,
  type TypeState,
} from "./type-state.js";

/** What a flush sends for one type, before it is cut into responses. */
export interface Batch {
  /** The sub-stream afterwards, as if all was sent. */
  readonly state: TypeState;
  /** To send; `undefined` when nothing is due. */
  readonly content?: BatchContent;
}

/** The content of a {@link Batch}. */
export interface BatchContent {
  /** All resources to send. */
  readonly resources: readonly EncodedResource[];
  /** Those of them that differ from what the client holds; a full set repeats the others. */
  readonly changed: readonly EncodedResource[];
  /** Names to take away (delta). */
  readonly removed: readonly string[];
  /** Names the client holds and loses by this, said or left out. */
  readonly gone: readonly string[];
  /** On-demand names that do not exist (N1). */
  readonly unknown?: readonly string[];
  /** Whether it is more than the view: then it must not have the view's version, which a client may claim later. */
  readonly beyond?: boolean;
}

/** Takes in a state-of-the-world request of one type. `state` is `undefined` before the first. */
export function receiveSotw(state: TypeState | undefined, request: SotwRequest, node: NodeIdentity): Answer {
  const nonce = request.responseNonce;
  // S4: a stale nonce answers a response that was superseded; the client will answer the later one too, and is answered
  // then. What it wants is booked all the same: a name it dropped and took back meanwhile would otherwise count as held.
  const stale = state !== undefined && nonce !== "" && nonce !== state.lastNonce;
  const before = state ?? replace(openType(request.typeUrl), { claimedVersion: request.versionInfo });
  const sent = before.outstanding.get(nonce);
  const answered: Answer =
    sent === undefined
      ? answerLate(before, nonce, request.errorDetail, node)
      : answer(before, nonce, sent, request.errorDetail, node);
  const booked = answered.state;
  const { next, added } = replaceNames(booked.subscription, booked.typeUrl, request.resourceNames, request.parameters);
  // Without a nonce after a response the client begins anew, and is answered in full (S4, as Istio does).
  const anew = state === undefined || (nonce === "" && booked.lastNonce !== "");
  const widened = next.wildcard && !booked.subscription.wildcard;
  const held = anew || widened ? NOTHING_HELD : added.length > 0 ? forget(booked.held, added) : booked.held;
  const same = next.wildcard === booked.subscription.wildcard && next.names === booked.subscription.names;
  if (same && added.length === 0 && !anew) {
    return { ...answered, quiet: stale || (answered.ack !== undefined && before.nack === undefined && !before.owed) };
  }
  const owed = booked.owed || anew || widened || added.length > 0;
  return {
    ...answered,
    added,
    quiet: stale,
    state: replace(booked, { subscription: next, held, owed, asked: booked.asked || owed }),
  };
}

/** Decides what a client has to be sent to be at `view`. */
export function flushSotw(state: TypeState, view: TypeView): Batch {
  const { subscription, owed, claimedVersion } = state;
  const settled = replace(state, {
    claimedVersion: "",
    held: holding(view),
    owed: false,
    asked: false,
    retained: NOTHING_RETAINED,
  });
  // S1: the version survives the stream, so a client that asks for everything and has this version has everything.
  const pureWildcard = subscription.wildcard && subscription.names.size === 0;
  if (owed && claimedVersion === view.version && pureWildcard && state.lastNonce === "") {
    return { state: replace(settled, { ackedVersion: view.version }) };
  }
  const wanted = subscription.wildcard || subscription.names.size > 0;
  const { changed, removed } = difference(state.held, view, subscription);
  if (isFullSet(state.typeUrl)) {
    // S6: absence means deletion here, so it is all or nothing.
    if (!wanted || (changed.length === 0 && removed.length === 0 && !owed)) return { state: settled };
    const gone = removed.filter((name) => heldVersion(state.held, name) !== undefined);
    return { state: settled, content: { resources: covered(view, state), changed, removed: [], gone } };
  }
  const held = resendSuspects(state, changed);
  const resources = held === state.held ? changed : difference(held, view, subscription).changed;
  if (resources.length === 0 && !(owed && subscription.wildcard)) return { state: settled };
  return { state: settled, content: { resources, changed: resources, removed: [], gone: [] } };
}

function covered(view: TypeView, state: TypeState): readonly EncodedResource[] {
  const { subscription } = state;
  const resources: EncodedResource[] = [];
  for (const resource of view.resources.values()) if (covers(subscription, resource)) resources.push(resource);
  return resources;
}

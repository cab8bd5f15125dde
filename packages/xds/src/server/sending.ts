import type { TypeView } from "../cache.js";
import { isFullSet, TYPE_URL } from "../discovery-types.js";
import type { EncodedResource } from "../resource.js";
import { resourceSizeHint } from "../wire/response.js";
import { endpointNames } from "./ordering.js";
import type { SessionEffect, SessionRules } from "./session.js";
import type { Batch } from "./sotw.js";
import { replace, type Sent, type TypeState } from "./type-state.js";

/** How many superseded responses are remembered; a client that is further behind is refused nothing that matters. */
const MAX_SUPERSEDED = 8;

/** What one flush changes of a session, while it runs. */
export interface Flushing {
  /** The sub-streams by type URL. */
  readonly types: Map<string, TypeState>;
  /** How many responses were sent. */
  sentCount: number;
  /** Endpoints that clusters which were sent still wait for. */
  warming: ReadonlySet<string>;
  /** What the shell has to do. */
  readonly effects: SessionEffect[];
}

/** Turns a batch into responses, split where the type allows it, and books them. */
export function send(
  flushing: Flushing,
  { state, content }: Batch,
  views: (typeUrl: string) => TypeView | undefined,
  view: TypeView,
  delta: boolean,
  maxResponseBytes: SessionRules["maxResponseBytes"],
): void {
  const { typeUrl } = state;
  if (content === undefined) {
    flushing.types.set(typeUrl, state);
    return;
  }
  const version = content.beyond === true ? `${view.version}+` : view.version;
  const splittable = delta || !isFullSet(typeUrl);
  const parts = splittable ? split(content.resources, maxResponseBytes) : [content.resources];
  const outstanding = new Map<string, Sent>(delta ? state.outstanding : []);
  const superseded =
    delta || state.outstanding.size === 0
      ? new Map(state.superseded)
      : new Map([...state.superseded, ...state.outstanding].slice(-MAX_SUPERSEDED));
  let nonce = "";
  parts.forEach((resources, index) => {
    flushing.sentCount++;
    nonce = String(flushing.sentCount);
    // O1: removals last.
    const removed = index === parts.length - 1 ? content.removed : [];
    if (!delta) {
      for (const [earlier, carried] of outstanding) superseded.set(earlier, carried);
      outstanding.clear();
    }
    const bodiless = index > 0 ? [] : (content.unknown ?? []).map((name) => ({ name, version: "", aliases: [name] }));
    outstanding.set(nonce, { version, resources });
    flushing.effects.push({ kind: "send", response: { version, typeUrl, nonce, resources, removed, bodiless } });
  });
  flushing.types.set(typeUrl, replace(state, { outstanding, superseded, lastNonce: nonce, sentVersion: version }));
  if (typeUrl === TYPE_URL.cluster) flushing.warming = warmedBy(flushing.warming, content.changed, views);
}

function warmedBy(
  warming: ReadonlySet<string>,
  clusters: readonly EncodedResource[],
  view: (typeUrl: string) => TypeView | undefined,
): ReadonlySet<string> {
  const endpoints = view(TYPE_URL.endpoints)?.resources;
  const next = new Set(warming);
  for (const cluster of clusters) {
    // Endpoints that do not exist cannot follow; the client's own timer ends that wait.
    for (const name of endpointNames(cluster)) if (endpoints?.has(name) === true) next.add(name);
  }
  return next;
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

import { isFullSet } from "./discovery-types.js";
import { fingerprint } from "./monitor.js";
import type { NodeIdentity } from "./node.js";
import type { EncodedResource } from "./resource.js";
import { openSession, type Session, type SessionRules, stepSession } from "./server/session.js";
import { createView } from "./view.js";
import type { DeltaRequest, SotwRequest } from "./wire/request.js";
import type { DiscoveryResponse, OutgoingResponse } from "./wire/response.js";

/**
 * One message of one stream, without the contents of resources: a line of JSON. What a client says of itself is cut to its
 * id, contents to a fingerprint, so that a journal holds no secret and stays small.
 */
export type JournalEntry =
  | {
      readonly kind: "open";
      /** Counts streams. */
      readonly stream: number;
      readonly variant: "sotw" | "delta";
      /** The type of a stream that is not aggregated. */
      readonly fixedType?: string;
    }
  | {
      readonly kind: "request";
      readonly stream: number;
      /** Who, in the first request. */
      readonly node?: string;
      readonly clientFeatures?: readonly string[];
      readonly typeUrl: string;
      readonly nonce: string;
      /** State of the world: the version and all names. */
      readonly version?: string;
      readonly names?: readonly string[];
      /** Delta: what changes, and what is held. */
      readonly subscribe?: readonly string[];
      readonly unsubscribe?: readonly string[];
      readonly held?: Readonly<Record<string, string>>;
      /** Of a refusal. */
      readonly error?: { readonly code: number; readonly message: string };
    }
  | {
      readonly kind: "response";
      readonly stream: number;
      readonly typeUrl: string;
      readonly version: string;
      readonly nonce: string;
      /** Name, version and fingerprint of each resource. */
      readonly resources: readonly (readonly [name: string, version: string, print: string])[];
      readonly removed: readonly string[];
    }
  | { readonly kind: "close"; readonly stream: number };

/** The entry of a request. */
export function requestEntry(stream: number, request: SotwRequest | DeltaRequest): JournalEntry {
  const { node, typeUrl, responseNonce: nonce, errorDetail } = request;
  const common = {
    ...({ kind: "request", stream, typeUrl, nonce } as const),
    ...(node === undefined ? {} : { node: node.id }),
    ...(node?.clientFeatures === undefined ? {} : { clientFeatures: node.clientFeatures }),
    ...(errorDetail === undefined ? {} : { error: { code: errorDetail.code, message: errorDetail.message } }),
  };
  if ("resourceNames" in request) return { ...common, version: request.versionInfo, names: request.resourceNames };
  const { subscribe, unsubscribe, initialResourceVersions } = request;
  return { ...common, subscribe, unsubscribe, held: Object.fromEntries(initialResourceVersions) };
}

/** The entry of a response. @param resourceName - Names a resource that carries no name of its own. */
export function responseEntry(
  stream: number,
  { typeUrl, version, nonce, resources, removed }: DiscoveryResponse,
  resourceName: (value: Uint8Array | undefined) => string,
): JournalEntry {
  return {
    ...({ kind: "response", stream, typeUrl, version, nonce } as const),
    resources: resources.map((resource) => [
      resource.name === "" ? resourceName(resource.value) : resource.name,
      resource.version,
      fingerprint(resource),
    ]),
    removed,
  };
}

/** Where a build answers differently than was recorded. */
export interface ReplayDifference {
  /** The entry that differs: its index in the journal. */
  readonly index: number;
  /** What was recorded: names, `-` before those that were removed. */
  readonly recorded: readonly string[];
  /** What this build sends at that point. */
  readonly sent: readonly string[];
}

const RULES: SessionRules = {
  maxResponseBytes: Number.POSITIVE_INFINITY,
  maxTypes: 1000,
  maxNames: 1_000_000,
  maxOutstanding: 1000,
  orderingMs: 0,
  reportMissing: () => true,
};

interface Replayed {
  session: Session;
  readonly content: Map<string, Map<string, EncodedResource>>;
  node: NodeIdentity | undefined;
  readonly nonces: Map<string, string>;
}

/**
 * Plays a journal to the server of this build and says where it would have sent something else. What the server had at
 * each point is taken from the responses themselves, so only what was sent is known; nonces are translated.
 */
export function replayJournal(journal: readonly JournalEntry[]): readonly ReplayDifference[] {
  const streams = new Map<number, Replayed>();
  const differences: ReplayDifference[] = [];
  journal.forEach((entry, index) => {
    if (entry.kind === "open") {
      const session = openSession(entry.variant, entry.fixedType);
      streams.set(entry.stream, { session, content: new Map(), node: undefined, nonces: new Map() });
      return;
    }
    const replayed = streams.get(entry.stream);
    if (replayed === undefined) return;
    if (entry.kind === "close") streams.delete(entry.stream);
    else if (entry.kind === "request") request(replayed, entry, index);
    else {
      const recorded = [...entry.resources.map(([name]) => name), ...entry.removed.map((name) => `-${name}`)].sort();
      const sent = response(replayed, entry, index);
      if (sent.join("\n") !== recorded.join("\n")) differences.push({ index, recorded, sent });
    }
  });
  return differences;
}

function request(replayed: Replayed, entry: Extract<JournalEntry, { readonly kind: "request" }>, now: number): void {
  const { typeUrl, nonce, node, clientFeatures, error } = entry;
  const common = {
    typeUrl,
    responseNonce: replayed.nonces.get(nonce) ?? nonce,
    ...(node === undefined ? {} : { node: { id: node, cluster: "", ...(clientFeatures && { clientFeatures }) } }),
    ...(error === undefined ? {} : { errorDetail: error }),
  };
  const { state } =
    entry.names === undefined
      ? stepSession(
          replayed.session,
          {
            kind: "delta-request",
            request: {
              ...common,
              subscribe: entry.subscribe ?? [],
              unsubscribe: entry.unsubscribe ?? [],
              initialResourceVersions: new Map(Object.entries(entry.held ?? {})),
            },
          },
          RULES,
          now,
        )
      : stepSession(
          replayed.session,
          {
            kind: "sotw-request",
            request: { ...common, versionInfo: entry.version ?? "", resourceNames: entry.names },
          },
          RULES,
          now,
        );
  replayed.session = state;
}

function response(
  replayed: Replayed,
  entry: Extract<JournalEntry, { readonly kind: "response" }>,
  now: number,
): readonly string[] {
  const { typeUrl, resources, removed, version } = entry;
  const full = replayed.session.variant === "sotw" && isFullSet(typeUrl);
  const content = new Map(full ? [] : replayed.content.get(typeUrl));
  for (const name of removed) content.delete(name);
  for (const [name, own, print] of resources) {
    content.set(name, { typeUrl, name, version: own === "" ? print : own, value: new Uint8Array() });
  }
  replayed.content.set(typeUrl, content);
  const current = createView(typeUrl, content, String, version);
  const view = (wanted: string) => (wanted === typeUrl ? current : undefined);
  const { state, effects } = stepSession(replayed.session, { kind: "flush", typeUrls: [typeUrl], view }, RULES, now);
  replayed.session = state;
  const sent: OutgoingResponse[] = effects.flatMap((effect) => (effect.kind === "send" ? [effect.response] : []));
  const [only] = sent;
  if (only !== undefined) replayed.nonces.set(entry.nonce, only.nonce);
  return sent
    .flatMap((each) => [
      ...each.resources.map(({ name }) => name),
      ...(each.bodiless ?? []).map(({ name }) => name),
      ...each.removed.map((name) => `-${name}`),
    ])
    .sort();
}

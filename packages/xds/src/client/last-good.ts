import { TYPE_URL } from "../discovery-types.js";
import type { ClientEntry, ClientRules, ClientType } from "./entry.js";
import { wants } from "./entry.js";
import type { ClientSession } from "./session.js";

/** A resource as it was accepted, kept for a start without a server (N10). */
export interface StoredResource {
  /** The type. */
  readonly typeUrl: string;
  /** The name. */
  readonly name: string;
  /** The server's version. */
  readonly version: string;
  /** The encoded resource. */
  readonly value: Uint8Array;
}

/** Keeps what was accepted last. Neither function may throw; what cannot be read is nothing. */
export interface LastGoodStore {
  /** What was written last. */
  read(): readonly StoredResource[];
  /** Replaces it. */
  write(resources: readonly StoredResource[]): void;
}

/** What there is to store. Secrets are not: a file is no place for private keys. */
export function acceptedResources({ types }: ClientSession): readonly StoredResource[] {
  const stored: StoredResource[] = [];
  for (const { typeUrl, entries } of types.values()) {
    if (typeUrl === TYPE_URL.secret) continue;
    for (const [name, { accepted }] of entries) {
      if (accepted !== undefined) stored.push({ typeUrl, name, version: accepted.version, value: accepted.value });
    }
  }
  return stored;
}

/**
 * Puts stored resources in the place of what is wanted and was never answered. They are checked like new ones, and count as
 * another server's: their versions are not claimed.
 */
export function withStored(
  session: ClientSession,
  stored: readonly StoredResource[],
  judge: ClientRules["judge"],
): ClientSession {
  const types = new Map(session.types);
  for (const { typeUrl, name, version, value } of stored) {
    const type = types.get(typeUrl);
    if (type === undefined || session.types.get(typeUrl)?.answered === true || !wants(type, name)) continue;
    const verdict = judge(typeUrl, name, value);
    if (!verdict.ok) continue;
    const accepted = { version, value, message: verdict.message, foreign: true };
    const entry: ClientEntry = { status: "requested", accepted };
    const next: ClientType = { ...type, answered: true, entries: new Map(type.entries).set(name, entry) };
    types.set(typeUrl, next);
  }
  return { ...session, types };
}

import type { WatchError, WatchUpdate } from "../watch.js";
import { type ClientType, wants } from "./entry.js";

/** What one watch asked for. */
export interface WatchInterest {
  /** Whether it wants everything. */
  readonly wildcard: boolean;
  /** What it wants by name. */
  readonly names: ReadonlySet<string>;
}

/**
 * What a watch has to tell its reader.
 *
 * @param previous - What it told before.
 * @param connection - Why no answer can be had from any server, if so.
 * @returns `undefined` if nothing is different, or nothing is known yet.
 */
export function watchUpdate<T>(
  type: ClientType,
  { wildcard, names }: WatchInterest,
  previous: WatchUpdate<T> | undefined,
  connection: WatchError | undefined,
): WatchUpdate<T> | undefined {
  const resources = new Map<string, T>();
  const versions = new Map<string, string>();
  const errors = new Map<string, WatchError>();
  const missing: string[] = [];
  const updated: string[] = [];
  for (const [name, entry] of type.entries) {
    if (!wants({ wildcard, names }, name, entry.aliases)) continue;
    if (entry.error !== undefined) errors.set(name, entry.error);
    if (entry.accepted !== undefined) {
      const message = entry.accepted.message as T;
      resources.set(name, message);
      versions.set(name, entry.accepted.version);
      if (previous?.resources.get(name) !== message) updated.push(name);
    } else if (names.has(name) && (entry.status === "does-not-exist" || entry.status === "timeout")) missing.push(name);
  }
  if (connection !== undefined) errors.set("*", connection);
  const removed = [...(previous?.resources.keys() ?? [])].filter((name) => !resources.has(name));
  const known = (wildcard && type.answered) || resources.size + missing.length + errors.size > 0;
  if (previous === undefined ? !known : isSame(previous, { updated, removed, missing, errors })) return undefined;
  return { resources, versions, updated, removed, missing, errors };
}

function isSame(
  previous: WatchUpdate<unknown>,
  { updated, removed, missing, errors }: Pick<WatchUpdate<unknown>, "updated" | "removed" | "missing" | "errors">,
): boolean {
  return (
    updated.length + removed.length === 0 &&
    missing.length === previous.missing.length &&
    missing.every((name) => previous.missing.includes(name)) &&
    errors.size === previous.errors.size &&
    [...errors].every(([name, error]) => previous.errors.get(name) === error)
  );
}

import type { TypeView } from "../cache.js";
import type { ResourceDump } from "../client-dump.js";
import { heldVersion } from "./held.js";
import type { Session } from "./session.js";
import { covers } from "./subscription.js";
import type { TypeState } from "./type-state.js";

/** Every resource that the client of a session subscribes to, with what became of it (L3). */
export function dumpSession(
  { types }: Session,
  view: (typeUrl: string) => TypeView | undefined,
): readonly ResourceDump[] {
  const dump: ResourceDump[] = [];
  for (const type of types.values()) {
    const current = view(type.typeUrl);
    if (current === undefined) continue;
    const pending = new Set<string>();
    for (const { resources } of type.outstanding.values()) for (const { name } of resources) pending.add(name);
    for (const resource of current.resources.values()) {
      if (!covers(type.subscription, resource)) continue;
      const { typeUrl, name, value, version } = resource;
      const held = heldVersion(type.held, name);
      const configStatus = statusOf(type, name, held === undefined, pending.has(name), held === version);
      const reason = type.nack?.reasons.find((each) => each.resource === name)?.reason;
      dump.push({
        typeUrl,
        name,
        value,
        configStatus,
        ...(held === undefined ? {} : { version: held }),
        ...(configStatus === "ERROR" ? { error: reason ?? type.nack?.message ?? "" } : {}),
      });
    }
  }
  return dump;
}

function statusOf(
  { blamed, suspects }: TypeState,
  name: string,
  unsent: boolean,
  pending: boolean,
  current: boolean,
): NonNullable<ResourceDump["configStatus"]> {
  if (blamed.has(name) || (blamed.size === 0 && suspects.has(name))) return "ERROR";
  if (unsent) return "NOT_SENT";
  return pending || !current ? "STALE" : "SYNCED";
}

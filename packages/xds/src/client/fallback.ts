import type { ClientEntry, ClientType } from "./entry.js";
import type { ClientSession } from "./session.js";

/** Which server of the list is in use (gRFC A71). Those before it are kept trying, those after it are closed. */
export interface Fallback {
  /** Index of the server whose word counts. */
  readonly active: number;
}

/** The first server is in use. */
export const FIRST_SERVER: Fallback = { active: 0 };

/**
 * A server cannot be reached. The next one is taken only if something is wanted that nobody has answered: what is held
 * stays in use, and one server is in use at a time.
 *
 * @param count - How many servers there are.
 */
export function afterFailure(state: Fallback, index: number, session: ClientSession, count: number): Fallback {
  if (index !== state.active || index + 1 >= count || !lacksSomething(session)) return state;
  return { active: index + 1 };
}

/** A server answers: one that comes before the active one takes over. */
export function afterResponse(state: Fallback, index: number): Fallback {
  return index < state.active ? { active: index } : state;
}

/** Whether something is wanted that is neither held nor known not to exist. */
function lacksSomething({ types }: ClientSession): boolean {
  return [...types.values()].some(
    ({ wildcard, answered, entries }) =>
      (wildcard && !answered) ||
      [...entries.values()].some(({ status, accepted }) => status === "requested" && !accepted),
  );
}

/**
 * The session to begin with at another server: all that is held stays, but versions and nonces are the other server's
 * own and are not claimed.
 *
 * @param variant - What the other server speaks.
 */
export function moved(session: ClientSession, variant: ClientSession["variant"]): ClientSession {
  const types = new Map<string, ClientType>();
  for (const [typeUrl, type] of session.types) {
    const entries = new Map<string, ClientEntry>();
    for (const [name, { deadline: _, ...entry }] of type.entries) {
      entries.set(
        name,
        entry.accepted === undefined ? entry : { ...entry, accepted: { ...entry.accepted, foreign: true } },
      );
    }
    types.set(typeUrl, { ...type, entries, version: "", nonce: "", requested: false, everNamed: false });
  }
  return { variant, connected: false, answered: false, types };
}

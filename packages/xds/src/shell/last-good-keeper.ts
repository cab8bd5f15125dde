import type { ClientRules } from "../client/entry.js";
import { acceptedResources, type LastGoodStore, withStored } from "../client/last-good.js";
import type { ClientSession } from "../client/session.js";

/** Changes that come together are stored together. */
const STORE_MS = 100;

/** Writes what a client accepted a moment after it did, and reads it back when no server can be reached (N10). */
export class LastGoodKeeper {
  readonly #store: LastGoodStore | undefined;
  readonly #session: () => ClientSession;
  #timer: NodeJS.Timeout | undefined;

  constructor(store: LastGoodStore | undefined, session: () => ClientSession) {
    this.#store = store;
    this.#session = session;
  }

  /** A server's response was taken. */
  accepted(): void {
    if (this.#store !== undefined) this.#timer ??= setTimeout(() => this.flush(), STORE_MS);
  }

  /** Writes what waits to be written. */
  flush(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#store?.write(acceptedResources(this.#session()));
  }

  /** The session with what was stored in the place of what was never answered. */
  recalled(session: ClientSession, rules: ClientRules | undefined): ClientSession {
    if (this.#store === undefined || rules === undefined) return session;
    return withStored(session, this.#store.read(), rules.judge);
  }
}

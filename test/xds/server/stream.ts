import type { TypeView } from "../../../packages/xds/src/cache.js";
import {
  openSession,
  type Session,
  type SessionEffect,
  type SessionEvent,
  type SessionRules,
  stepSession,
} from "../../../packages/xds/src/server/session.js";
import type { DeltaRequest, SotwRequest } from "../../../packages/xds/src/wire/request.js";
import { viewOf } from "../opaque.js";

/** What a stream did in answer to something, in a form tables can hold. */
export interface Sent {
  readonly typeUrl: string;
  readonly version: string;
  readonly nonce: string;
  /** `name=content-version`, sorted. */
  readonly resources: readonly string[];
  readonly removed: readonly string[];
  /** Names answered without a body; absent when there are none. */
  readonly unknown?: readonly string[];
}

const RULES: SessionRules = {
  maxResponseBytes: 1 << 20,
  maxTypes: 16,
  maxNames: 100,
  maxOutstanding: 8,
  orderingMs: 5000,
  reportMissing: () => true,
};

/** A server session with a tiny cache, driven without sockets. */
export class ServerStream {
  session: Session;
  now = 1000;
  effects: readonly SessionEffect[] = [];
  readonly #rules: SessionRules;
  readonly #views = new Map<string, TypeView>();

  constructor(variant: "sotw" | "delta", rules: Partial<SessionRules> = {}, fixedType?: string) {
    this.session = openSession(variant, fixedType);
    this.#rules = { ...RULES, ...rules };
  }

  /** Publishes a type and lets the stream push. */
  publish(typeUrl: string, contents: Readonly<Record<string, string>>, version?: string): readonly Sent[] {
    this.set(typeUrl, contents, version);
    return this.flush([typeUrl]);
  }

  /** Publishes a type while the transport takes nothing. */
  set(typeUrl: string, contents: Readonly<Record<string, string>>, version?: string): void {
    this.#views.set(typeUrl, viewOf(typeUrl, contents, version));
  }

  /** Publishes a whole view. */
  setView(view: TypeView): void {
    this.#views.set(view.typeUrl, view);
  }

  /** A state-of-the-world request, answered at once. */
  sotw(typeUrl: string, resourceNames: readonly string[], fields: Partial<SotwRequest> = {}): readonly Sent[] {
    const node = this.session.node === undefined ? { node: { id: "n", cluster: "c" } } : {};
    const request = { versionInfo: "", resourceNames, typeUrl, responseNonce: "", ...node, ...fields };
    return this.#step({ kind: "sotw-request", request });
  }

  /** A delta request, answered at once. */
  delta(typeUrl: string, fields: Partial<DeltaRequest> = {}): readonly Sent[] {
    const node = this.session.node === undefined ? { node: { id: "n", cluster: "c" } } : {};
    const request: DeltaRequest = {
      typeUrl,
      subscribe: [],
      unsubscribe: [],
      initialResourceVersions: new Map(),
      responseNonce: "",
      ...node,
      ...fields,
    };
    return this.#step({ kind: "delta-request", request });
  }

  /** Sends what is due. */
  flush(typeUrls: readonly string[]): readonly Sent[] {
    return this.#step({ kind: "flush", typeUrls, view: (typeUrl) => this.#views.get(typeUrl) });
  }

  /** The nonce of the last response. */
  get nonce(): string {
    return String(this.session.sentCount);
  }

  #step(event: SessionEvent): readonly Sent[] {
    const { state, effects } = stepSession(this.session, event, this.#rules, this.now);
    this.session = state;
    this.effects = effects.filter(({ kind }) => kind !== "wanted");
    const dirty = effects.flatMap((effect) => (effect.kind === "dirty" ? [effect.typeUrl] : []));
    if (dirty.length > 0) {
      const sent = this.flush(dirty);
      this.effects = effects.filter(({ kind }) => kind !== "wanted");
      return sent;
    }
    return effects.flatMap((effect) => {
      if (effect.kind !== "send") return [];
      const { typeUrl, version, nonce, resources, removed, bodiless = [] } = effect.response;
      const shown = resources.map((resource) => `${resource.name}=${resource.version}`).sort();
      const unknown = bodiless.length === 0 ? {} : { unknown: bodiless.map(({ name }) => name) };
      return [{ typeUrl, version, nonce, resources: shown, removed: [...removed].sort(), ...unknown }];
    });
  }
}

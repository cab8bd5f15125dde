import type { ClientEntry, ClientRules } from "../../../packages/xds/src/client/entry.js";
import { clientRules } from "../../../packages/xds/src/client/rules.js";
import {
  type ClientEffect,
  type ClientSession,
  type ClientSessionEvent,
  nextTick,
  openClient,
  stepClient,
} from "../../../packages/xds/src/client/session.js";
import type { DeltaRequest, SotwRequest } from "../../../packages/xds/src/wire/request.js";
import type { DiscoveryResponse, WireResource } from "../../../packages/xds/src/wire/response.js";
import { opaque } from "../opaque.js";

/** A client session driven without sockets and with a clock of its own. Content `bad` is refused. */
export class ClientHarness {
  session: ClientSession;
  now = 1000;
  effects: readonly ClientEffect[] = [];
  readonly #rules: ClientRules;
  #nonces = 0;

  constructor(variant: "sotw" | "delta", features: readonly string[] = []) {
    this.session = openClient(variant);
    this.#rules = clientRules(features, (_typeUrl, _name, value) => {
      const content = new TextDecoder().decode(value);
      if (!content.endsWith("bad")) return { ok: true, message: content };
      return { ok: false, findings: [{ path: "content", message: "it is bad" }] };
    });
  }

  /** Sets what the watchers of a type want; `*` is everything. */
  want(typeUrl: string, ...names: readonly string[]): void {
    const named = new Set(names);
    this.step({ kind: "interest", typeUrl, wildcard: named.delete("*"), names: named });
  }

  /** Opens a stream. */
  connect(): void {
    this.step({ kind: "connected" });
  }

  /** Delivers a response; `{ a: "1" }` is a resource `a` with content 1. Returns its nonce. */
  respond(
    typeUrl: string,
    contents: Readonly<Record<string, string>>,
    fields: Partial<DiscoveryResponse> = {},
  ): string {
    const resources = Object.entries(contents).map(([name, content]) => wire(typeUrl, name, content));
    const nonce = `n${++this.#nonces}`;
    const response = { version: `r${this.#nonces}`, typeUrl, nonce, resources, removed: [], errors: [], ...fields };
    this.step({ kind: "response", response });
    return nonce;
  }

  /** Lets time pass, ticking whenever a timer is due. */
  advance(ms: number): void {
    const end = this.now + ms;
    for (let due = nextTick(this.session); due !== undefined && due <= end; due = nextTick(this.session)) {
      this.now = due;
      this.step({ kind: "tick" });
    }
    this.now = end;
  }

  /** Takes one event. */
  step(event: ClientSessionEvent): void {
    const { state, effects } = stepClient(this.session, event, this.#rules, this.now);
    this.session = state;
    this.effects = effects;
  }

  /** The state-of-the-world requests of the last event. */
  get sotw(): readonly SotwRequest[] {
    return this.effects.flatMap((effect) => (effect.kind === "send-sotw" ? [effect.request] : []));
  }

  /** The delta requests of the last event. */
  get delta(): readonly DeltaRequest[] {
    return this.effects.flatMap((effect) => (effect.kind === "send-delta" ? [effect.request] : []));
  }

  /** The names the last event changed. */
  get changed(): readonly string[] {
    return this.effects.flatMap((effect) => (effect.kind === "changed" ? effect.names : []));
  }

  /** What the client knows of a resource. */
  entry(typeUrl: string, name: string): ClientEntry | undefined {
    return this.session.types.get(typeUrl)?.entries.get(name);
  }

  /** The contents in use, by name. */
  held(typeUrl: string): Readonly<Record<string, string>> {
    const held: Record<string, string> = {};
    for (const [name, { accepted }] of this.session.types.get(typeUrl)?.entries ?? []) {
      if (accepted !== undefined) held[name] = String(accepted.message).slice(-1);
    }
    return held;
  }
}

/** A resource as a delta response carries it. */
export function wire(typeUrl: string, name: string, content: string, fields: Partial<WireResource> = {}): WireResource {
  const { value, version } = opaque(typeUrl, name, content);
  return { name, version, typeUrl, value, aliases: [], ...fields };
}

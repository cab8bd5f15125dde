import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import type { TypeView } from "../../packages/xds/src/cache.js";
import { heldVersion } from "../../packages/xds/src/server/held.js";
import { openSession, type Session, type SessionRules, stepSession } from "../../packages/xds/src/server/session.js";
import { covers } from "../../packages/xds/src/server/subscription.js";
import { createView } from "../../packages/xds/src/view.js";
import type { DeltaRequest, SotwRequest } from "../../packages/xds/src/wire/request.js";
import type { OutgoingResponse } from "../../packages/xds/src/wire/response.js";
import { ClientHarness } from "./client/stream.js";
import { opaque, plainDigest, T } from "./opaque.js";

/** `WEFTMESH_SOAK=1`: 10,000 changes × 200 clients in each variant, some minutes. */
const LONG = process.env["WEFTMESH_SOAK"] !== undefined;
const SIZE = LONG ? { clients: 200, rounds: 200, steps: 1500 } : { clients: 8, rounds: 40, steps: 60 };
const CHANGES = LONG ? 50 : 5;

const TYPES = [T.CDS, T.EDS, T.LDS, T.RDS] as const;
const NAMES = ["a", "b", "c", "d", "e"];
const RULES: SessionRules = {
  maxResponseBytes: 200,
  maxTypes: 16,
  maxNames: 100,
  maxOutstanding: 8,
  orderingMs: 5000,
  reportMissing: () => true,
};

/** mulberry32: the same seed gives the same run. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A client and the server's side of its stream, with both directions as queues. */
class Pair {
  readonly client: ClientHarness;
  readonly #variant: "sotw" | "delta";
  readonly #view: (typeUrl: string) => TypeView | undefined;
  #session: Session | undefined;
  #requests: (SotwRequest | DeltaRequest)[] = [];
  #responses: OutgoingResponse[] = [];
  readonly dirty: Set<string> = new Set();

  constructor(variant: "sotw" | "delta", view: (typeUrl: string) => TypeView | undefined) {
    this.#variant = variant;
    this.#view = view;
    this.client = new ClientHarness(variant);
  }

  get connected(): boolean {
    return this.#session !== undefined;
  }

  connect(): void {
    this.#session = openSession(this.#variant);
    this.client.connect();
    this.#collect();
  }

  disconnect(): void {
    this.#session = undefined;
    this.#requests = [];
    this.#responses = [];
    this.dirty.clear();
    this.client.step({ kind: "disconnected" });
  }

  want(typeUrl: string, names: readonly string[]): void {
    this.client.want(typeUrl, ...names);
    this.#collect();
  }

  /** The server takes one request, if there is one. */
  serve(): boolean {
    const request = this.#requests.shift();
    if (request === undefined || this.#session === undefined) return false;
    const node = { id: "n", cluster: "c" };
    this.#server(
      "resourceNames" in request
        ? { kind: "sotw-request", request: { ...request, node } }
        : { kind: "delta-request", request: { ...request, node } },
    );
    return true;
  }

  /** The server sends what is due. */
  flush(): boolean {
    if (this.#session === undefined || this.dirty.size === 0) return false;
    const typeUrls = [...this.dirty];
    this.dirty.clear();
    this.#server({ kind: "flush", typeUrls, view: this.#view });
    return true;
  }

  /** The client takes one response, if there is one. */
  take(): boolean {
    const response = this.#responses.shift();
    if (response === undefined) return false;
    const { version, typeUrl, nonce, resources, removed } = response;
    const wire = resources.map(({ name, version: own, value }) => ({
      name,
      version: own,
      typeUrl,
      value,
      aliases: [],
    }));
    const sotw = wire.map((resource) => ({ ...resource, version: "" }));
    this.client.step({
      kind: "response",
      response: { version, typeUrl, nonce, resources: this.#variant === "sotw" ? sotw : wire, removed, errors: [] },
    });
    this.#collect();
    return true;
  }

  /** Unanswered responses, as the server sees it. */
  get outstanding(): number {
    return [...(this.#session?.types.values() ?? [])].reduce((sum, { outstanding }) => sum + outstanding.size, 0);
  }

  /** The version the server is sure the client holds. */
  readonly believed = (typeUrl: string, name: string): string | undefined => {
    const type = this.#session?.types.get(typeUrl);
    if (type === undefined || type.suspects.has(name) || !covers(type.subscription, { name })) return undefined;
    return heldVersion(type.held, name);
  };

  get waiting(): readonly string[] {
    return [...(this.#session?.waiting ?? [])];
  }

  #server(event: Parameters<typeof stepSession>[1]): void {
    if (this.#session === undefined) return;
    const { state, effects } = stepSession(this.#session, event, RULES, this.client.now);
    this.#session = state;
    for (const effect of effects) {
      if (effect.kind === "dirty") this.dirty.add(effect.typeUrl);
      if (effect.kind === "send") this.#responses.push(effect.response);
    }
  }

  #collect(): void {
    this.#requests.push(...this.client.sotw, ...this.client.delta);
  }
}

const RUNS = [
  { variant: "sotw", seed: 1 },
  { variant: "delta", seed: 2 },
  { variant: "sotw", seed: 3 },
  { variant: "delta", seed: 4 },
] as const;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function heapMb(): number {
  collect();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

describe.each(LONG ? RUNS.slice(0, 2) : RUNS)("soak, $variant, seed $seed", ({ variant, seed }) => {
  test("at every quiet point each client holds what the server has, refused content excepted", {
    timeout: LONG ? 1_800_000 : 60_000,
  }, () => {
    const random = generator(seed);
    const pick = (count: number): number => Math.floor(random() * count);
    const views = new Map<string, TypeView>();
    const pairs = Array.from({ length: SIZE.clients }, () => new Pair(variant, (typeUrl) => views.get(typeUrl)));
    const publish = (): void => {
      const typeUrl = TYPES[pick(TYPES.length)] ?? T.CDS;
      const resources = new Map(
        NAMES.filter(() => random() < 0.7).map((name) => {
          const content = random() < 0.1 ? "bad" : String(pick(3));
          return [name, opaque(typeUrl, name, content)];
        }),
      );
      views.set(typeUrl, createView(typeUrl, resources, plainDigest));
      for (const pair of pairs) pair.dirty.add(typeUrl);
    };
    for (const _ of TYPES) publish();
    for (const typeUrl of TYPES)
      if (!views.has(typeUrl)) views.set(typeUrl, createView(typeUrl, new Map(), plainDigest));
    for (const pair of pairs) {
      pair.want(T.CDS, ["*"]);
      pair.want(T.LDS, ["*"]);
    }
    let changes = 0;
    let halfway = 0;
    for (let round = 0; round < SIZE.rounds; round++) {
      // Now and then the server goes, and with it all streams.
      if (random() < 0.1) for (const pair of pairs) if (pair.connected) pair.disconnect();
      for (let step = 0; step < SIZE.steps; step++) {
        const pair = pairs[pick(pairs.length)];
        if (pair === undefined) continue;
        if (step % Math.floor(SIZE.steps / CHANGES) === 0) {
          publish();
          changes++;
        }
        const what = random();
        if (what < 0.04) {
          if (pair.connected) pair.disconnect();
          else pair.connect();
        } else if (what < 0.2) {
          pair.want(
            random() < 0.5 ? T.EDS : T.RDS,
            NAMES.filter(() => random() < 0.6),
          );
        } else if (what < 0.45) pair.serve();
        else if (what < 0.7) pair.flush();
        else pair.take();
      }
      // A quiet point: everything is delivered, and the bounded waits have ended.
      for (const pair of pairs) {
        if (!pair.connected) pair.connect();
        for (let settle = 0; settle < 3; settle++) {
          while (pair.serve() || pair.flush() || pair.take());
          pair.client.now += 6000;
          for (const typeUrl of pair.waiting) pair.dirty.add(typeUrl);
        }
        while (pair.serve() || pair.flush() || pair.take());
        expect(pair.outstanding).toBe(0);
        for (const typeUrl of TYPES) compare(pair, typeUrl, views.get(typeUrl));
      }
      if (round === SIZE.rounds / 2) halfway = heapMb();
    }
    expect(changes).toBe(SIZE.rounds * CHANGES);
    // Flat: the second half may not add more than noise.
    expect(heapMb() - halfway).toBeLessThan(Math.max(2, halfway * 0.1));
  });

  function compare({ client, waiting, believed }: Pair, typeUrl: string, view: TypeView | undefined): void {
    const type = client.session.types.get(typeUrl);
    if (type === undefined || view === undefined) return;
    const held = client.held(typeUrl);
    const wanted = type.wildcard ? [...view.resources.keys()] : [...type.names];
    const expected = wanted.flatMap((name) => {
      const version = view.resources.get(name)?.version;
      return version === undefined || version === "vbad" ? [] : [[name, version.slice(1)]];
    });
    expect(Object.fromEntries(expected.map(([name = ""]) => [name, held[name]]))).toEqual(Object.fromEntries(expected));
    // What the server believes is what the client holds; of refused responses it believes nothing.
    for (const name of [...wanted, ...Object.keys(held)]) {
      const belief = believed(typeUrl, name);
      if (belief !== undefined) expect(`${name} v${held[name]}`).toBe(`${name} ${belief}`);
    }
    // Removals wait as long as a referrer is refused; of piecewise types state of the world cannot say them.
    const told = type.wildcard && waiting.length === 0;
    const stray = told ? Object.keys(held).filter((name) => !view.resources.has(name)) : [];
    expect(stray).toEqual([]);
  }
});

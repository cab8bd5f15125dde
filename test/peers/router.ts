/** Route tables and requests of a generator through a real Envoy: every decision must be ours. */
import { seededRandom } from "@weftmesh/lb/testing";
import type { Request } from "../conformance/router-answer.js";
import type { Peer, PeerOptions } from "./peer.js";
import { Dice } from "./router/dice.js";
import { compareHostile } from "./router/hostile.js";
import { type Comparison, compareAnswers, compareVerdict } from "./router/ours.js";
import { request } from "./router/requests.js";
import { type Rig, startRig, type Table } from "./router/rig.js";
import { compareShares } from "./router/shares.js";
import { table } from "./router/tables.js";

/** Requests to a table. */
const REQUESTS = 40;
/** Listeners of one Envoy. */
const BATCH = 100;
/** Tables asked at a time. */
const AT_ONCE = 4;
/** Differences that are printed. */
const PRINTED = 30;

export const peer: Peer = {
  name: "router",
  requires: ["envoy"],
  async run({ cases, seed, log }) {
    const tally = new Tally(log);
    // A table that both sides refuse is one case, so a batch may leave some to be done.
    for (let first = 0; tally.cases < cases; first += BATCH) {
      const wanted = Math.min(BATCH, Math.ceil((cases - tally.cases) / REQUESTS));
      await batch(first, wanted, seed, tally);
    }
    for (const comparison of await compareHostile()) tally.count(comparison);
    tally.count(await compareShares());
    tally.explain();
    return { passed: tally.passed, failed: tally.failed };
  },
};

/** Counts comparisons, and prints those that failed. */
class Tally {
  passed = 0;
  failed = 0;
  readonly #explained = new Map<string, number>();
  readonly #log: PeerOptions["log"];

  constructor(log: PeerOptions["log"]) {
    this.#log = log;
  }

  get cases(): number {
    return this.passed + this.failed;
  }

  count({ title, outcome, explained }: Comparison): void {
    if (explained !== undefined) this.#explained.set(explained, (this.#explained.get(explained) ?? 0) + 1);
    if (outcome.ok || explained !== undefined) {
      this.passed++;
      return;
    }
    this.failed++;
    if (this.failed > PRINTED) return;
    this.#log(`FAIL ${title}: Envoy ${JSON.stringify(outcome.expected)}, we ${JSON.stringify(outcome.got)}`);
  }

  explain(): void {
    for (const [name, count] of this.#explained) this.#log(`${count} explained: ${name}`);
  }
}

async function batch(first: number, count: number, seed: number, tally: Tally): Promise<void> {
  const drawn = Array.from({ length: count }, (_, i) => {
    const dice = new Dice(seededRandom(seed * 1_000_003 + first + i));
    return { dice, table: table(dice, `t${first + i}`) };
  });
  await using rig = await startRig(drawn.map((each) => each.table));
  const next = drawn[Symbol.iterator]();
  const work = async (): Promise<void> => {
    for (let each = next.next(); each.done !== true; each = next.next()) {
      const { dice, table: one } = each.value;
      const requests = Array.from({ length: REQUESTS }, (_, i) => request(dice, one, `${one.name}-${i}`));
      for (const comparison of await compareTable(rig, one, requests)) tally.count(comparison);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

async function compareTable(rig: Rig, one: Table, requests: readonly Request[]): Promise<readonly Comparison[]> {
  const verdict = compareVerdict(one, rig.refused.get(one.name));
  if ("outcome" in verdict) return [verdict];
  return compareAnswers(one, verdict, requests, await rig.ask(one.name, requests));
}

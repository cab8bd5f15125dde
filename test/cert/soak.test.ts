/** Rotations that nobody notices. `WEFTMESH_SOAK=seconds` makes the run on the real clock longer. */
import { once } from "node:events";
import type { TLSSocket } from "node:tls";
import {
  type Ca,
  createCa,
  liveConnections,
  matchAny,
  type RotatingSource,
  rotate,
  type Scheduler,
  SpiffeId,
  tlsConnect,
  tlsServer,
  verifySvid,
} from "@weftmesh/cert";
import { afterEach, expect, test } from "vitest";
import { cleanUp, listen, source, undo } from "./tls-ends.js";

afterEach(cleanUp);

const SECONDS = Number(process.env["WEFTMESH_SOAK"] ?? 5);
const LONG = 20;

/** A server and clients that follow the CA's bundle at once, long connections that never rest, and a dialler. */
async function underLoad(ca: Ca, ttlMs?: number) {
  const options = ttlMs === undefined ? {} : { ttlMs };
  const ends = [await source(ca, "a", options), await source(ca, "b", options)] as const;
  const following = ca.watch((bundle) => {
    for (const end of ends) end.updateBundles(new Map([[ca.trustDomain, bundle]]));
  });
  undo(() => following[Symbol.dispose]());
  const [a, b] = ends;
  const rejected: string[] = [];
  const server = tlsServer(a, { onRejected: ({ error }) => rejected.push(error.message) }, (socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (data) => socket.write(data));
  });
  const port = await listen(server);
  const open = (): Promise<TLSSocket> => tlsConnect(b, { authorize: matchAny, host: "127.0.0.1", port });
  const failures: string[] = [];
  let running = true;
  let dials = 0;
  let echoes = 0;
  const echo = async (socket: TLSSocket): Promise<void> => {
    socket.write("ping");
    const [data] = (await once(socket, "data")) as [Buffer];
    if (String(data) !== "ping") throw new Error(`got ${String(data)}`);
  };
  const noted = (task: Promise<void>): Promise<void> => task.catch((error) => void failures.push(String(error)));
  const long = await Promise.all(Array.from({ length: LONG }, open));
  const keeping = long.map((socket) =>
    noted(
      (async () => {
        for (; running; echoes++) {
          await echo(socket);
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      })(),
    ),
  );
  const dialling = noted(
    (async () => {
      for (; running; dials++) {
        const socket = await open();
        await echo(socket);
        socket.destroy();
      }
    })(),
  );
  return {
    ends,
    dials: () => dials,
    stale: () => liveConnections(server).filter(({ stale }) => stale).length,
    async end() {
      running = false;
      await Promise.all([...keeping, dialling]);
      const drops = long.filter((socket) => socket.destroyed).length;
      for (const socket of long) socket.destroy();
      return { drops, failures, rejected, echoes };
    },
  };
}

const renewAll = (ends: readonly RotatingSource[]) => Promise.all(ends.map((end) => end.renew()));

test("30 rotations with a root roll: 20 connections live on, 500 new ones succeed", { timeout: 60_000 }, async () => {
  const ca = createCa({ trustDomain: "td.test" });
  const load = await underLoad(ca);
  for (let rotation = 1; rotation <= 30; rotation++) {
    if (rotation === 10) ca.roll.prepare();
    if (rotation === 15) ca.roll.activate();
    await renewAll(load.ends);
    if (rotation === 20) ca.roll.retire({ force: true });
    const enough = Math.ceil((rotation / 30) * 500);
    await expect.poll(load.dials, { timeout: 20_000, interval: 5 }).toBeGreaterThanOrEqual(enough);
  }
  // The long connections were made by leaves of the root that is gone: flagged, and none the worse for it.
  expect(load.stale()).toBe(LONG);
  const dials = load.dials();
  const { echoes, ...outcome } = await load.end();
  expect(outcome).toEqual({ drops: 0, failures: [], rejected: [] });
  expect(dials).toBeGreaterThanOrEqual(500);
  expect(echoes).toBeGreaterThan(LONG);
});

test("leaves of two seconds on the real clock", { timeout: (SECONDS + 60) * 1000 }, async ({ annotate }) => {
  const ca = createCa({ trustDomain: "td.test" });
  const load = await underLoad(ca, 2000);
  const end = Date.now() + SECONDS * 1000;
  let rolls = 0;
  while (Date.now() < end) {
    ca.roll.prepare();
    ca.roll.activate();
    // Nothing is forced: the timers of the sources bring the new leaves, and the old ones run out.
    await expect.poll(() => ca.roll.status().oldLeavesUntil < Date.now(), { timeout: 10_000 }).toBe(true);
    ca.roll.retire();
    rolls++;
  }
  const renewals = load.ends.map((one) => one.status().renewals);
  const dials = load.dials();
  const { echoes, ...outcome } = await load.end();
  await annotate(`${rolls} root rolls, ${renewals.join(" and ")} renewals, ${dials} dials, ${echoes} echoes`);
  expect(outcome).toEqual({ drops: 0, failures: [], rejected: [] });
  expect(Math.min(...renewals)).toBeGreaterThanOrEqual(Math.floor(SECONDS / 2));
});

/** A clock that a test moves. */
function manual(start: number): Scheduler & { readonly advance: (to: number) => Promise<void> } {
  let now = start;
  const tasks = new Set<{ readonly at: number; readonly task: () => void }>();
  return {
    now: () => now,
    after(delayMs, task) {
      const entry = { at: now + Math.max(0, delayMs), task };
      tasks.add(entry);
      return { [Symbol.dispose]: () => void tasks.delete(entry) };
    },
    async advance(to) {
      for (;;) {
        const [next] = [...tasks].sort((a, b) => a.at - b.at);
        if (next === undefined || next.at > to) break;
        tasks.delete(next);
        now = Math.max(now, next.at);
        next.task();
        // What was asked of the issuer is answered in microtasks.
        for (let turn = 0; turn < 30; turn++) await Promise.resolve();
      }
      now = to;
    },
  };
}

test("two years on a fake clock, with outages and a root roll each quarter", { timeout: 60_000 }, async () => {
  const DAY = 86_400_000;
  const start = Date.UTC(2027, 0, 1);
  const clock = manual(start);
  const ca = createCa({ trustDomain: "td.test", clock, rootTtlMs: 200 * DAY });
  let away = false;
  const end = (name: string): RotatingSource => {
    const id = SpiffeId.parse(`spiffe://td.test/${name}`);
    const issue = async (csr: Uint8Array) => {
      if (away) throw new Error("away");
      return ca.sign(csr, id, { ttlMs: 4 * DAY });
    };
    const made = rotate({ issue }, { scheduler: clock, backoffMs: { base: 600_000, max: 21_600_000 } });
    undo(() => made[Symbol.dispose]());
    return made;
  };
  const ends = [end("a"), end("b")];
  await clock.advance(start + 1000);
  const following = ca.watch((bundle) => {
    for (const one of ends) one.updateBundles(new Map([[ca.trustDomain, bundle]]));
  });
  const roots = new Set<string>();
  const problems: string[] = [];
  const meet = (day: number): void => {
    for (const [shows, judges] of [ends, [...ends].reverse()]) {
      const chain = shows?.current()?.svid.chain ?? [];
      const verdict = verifySvid(chain, judges?.current()?.bundles ?? new Map(), clock.now());
      if (verdict.kind === "rejected") problems.push(`day ${day}: ${verdict.error.message}`);
      else roots.add(Buffer.from(verdict.anchor.publicKey.spki).toString("hex"));
    }
  };
  for (let day = 0; day < 730; day++) {
    if (day % 90 === 30) ca.roll.prepare();
    if (day % 90 === 31) ca.roll.activate();
    if (day % 90 === 36) ca.roll.retire();
    // The CA is away for a day each week: less than what a leaf has left when its renewal is due.
    away = day % 7 === 0;
    await clock.advance(start + (day + 0.5) * DAY);
    meet(day);
  }
  following[Symbol.dispose]();
  expect(problems).toEqual([]);
  expect(roots.size).toBe(9);
  expect(Math.min(...ends.map((one) => one.status().renewals))).toBeGreaterThan(300);
});

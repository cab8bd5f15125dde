import { createCluster, drive, type LbEvent, systemScheduler } from "@weftmesh/lb";
import { manualScheduler, seededRandom } from "@weftmesh/lb/testing";
import { afterEach, describe, expect, test, vi } from "vitest";

afterEach(() => vi.useRealTimers());

describe("drive", () => {
  test("ticks when it is due, and looks once a second for what has come up", () => {
    const scheduler = manualScheduler();
    const seen: number[] = [];
    const target = {
      nextTickAt: 250,
      tick(now = 0) {
        seen.push(now);
        target.nextTickAt = Number.POSITIVE_INFINITY;
      },
    };
    using _ = drive(target, scheduler);
    scheduler.advance(3000);
    expect(seen).toEqual([250, 1250, 2250]);
  });

  test("an event handler that throws does not keep a host out", () => {
    const scheduler = manualScheduler();
    const events: LbEvent[] = [];
    const cluster = createCluster(
      {
        hosts: ["a:1"],
        outlierDetection: { consecutive5xx: 1, maxEjectionPercent: 100 },
        onEvent(event) {
          events.push(event);
          if (event.action === "UNEJECT") throw new Error("disk full");
        },
      },
      { clock: scheduler, random: seededRandom(1) },
    );
    using _ = drive(cluster, scheduler);
    for (let round = 1; round <= 2; round++) {
      const pick = cluster.pick();
      if (pick.kind === "host") pick.done({ result: "response", status: 500 });
      expect(cluster.host("a:1")?.health).toBe("unhealthy");
      expect(() => scheduler.advance(60_000)).toThrow("disk full");
      expect(cluster.host("a:1")?.health).toBe("healthy");
    }
  });

  test("ends when it is disposed, also by the tick itself", () => {
    const scheduler = manualScheduler();
    let ticks = 0;
    const driving = drive(
      {
        nextTickAt: 0,
        tick() {
          ticks += 1;
          driving[Symbol.dispose]();
        },
      },
      scheduler,
    );
    scheduler.advance(5000);
    expect(ticks).toBe(1);
  });

  test("timers of the process wait longer than they can count", () => {
    vi.useFakeTimers();
    let fired = 0;
    systemScheduler.after(2 ** 40, () => {
      fired += 1;
    });
    vi.advanceTimersByTime(2 ** 31 - 2);
    expect(fired).toBe(0);
  });
});

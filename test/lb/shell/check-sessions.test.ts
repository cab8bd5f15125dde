import {
  type CheckResult,
  createCluster,
  drive,
  type HealthChecker,
  type HealthCheckOptions,
  type LbEvent,
  runHealthChecks,
} from "@weftmesh/lb";
import { manualScheduler, seededRandom } from "@weftmesh/lb/testing";
import { describe, expect, test } from "vitest";

const TIMING: HealthCheckOptions = { intervalMs: 1000, timeoutMs: 500, healthyThreshold: 2, unhealthyThreshold: 2 };

/** Checks that stay under way until the test answers them. */
function setUp(options: { readonly timing?: Partial<HealthCheckOptions>; readonly check?: HealthChecker } = {}) {
  const scheduler = manualScheduler();
  const events: LbEvent[] = [];
  const under: { readonly address: string; readonly signal: AbortSignal; answer(result: CheckResult): void }[] = [];
  const cluster = createCluster(
    {
      name: "shop",
      hosts: ["a:1"],
      healthCheck: { ...TIMING, noTrafficIntervalMs: 1000, ...options.timing },
      onEvent: (event) => events.push(event),
    },
    { clock: scheduler, random: seededRandom(1) },
  );
  const check: HealthChecker = (host, signal) =>
    new Promise((answer) => under.push({ address: host.address, signal, answer }));
  const running = runHealthChecks(cluster, { check: options.check ?? check, scheduler, random: () => 0 });
  const pass = async (ms: number): Promise<void> => {
    scheduler.advance(ms);
    for (let i = 0; i < 10; i++) await Promise.resolve();
  };
  return { scheduler, events, under, cluster, running, pass };
}

describe("hosts that come and go", () => {
  test("one that went and came back at once is checked as the new host it is", async () => {
    const { under, cluster, running, pass } = setUp();
    await pass(0);
    expect(under).toHaveLength(1);
    cluster.update({ remove: ["a:1"] });
    cluster.update({ add: [{ hosts: ["a:1"] }] });
    under[0]?.answer("ok");
    await pass(200);
    // What was found of the old one says nothing of the new one.
    expect(cluster.host("a:1")?.health).toBe("unhealthy");
    await pass(0);
    expect(under).toHaveLength(2);
    under[1]?.answer("ok");
    await pass(0);
    expect(cluster.host("a:1")?.health).toBe("healthy");
    running[Symbol.dispose]();
  });

  test("the check of one that went is broken off, and its late answer not looked at", async () => {
    const { under, cluster, running, pass } = setUp();
    await pass(0);
    cluster.update({ remove: ["a:1"] });
    await pass(200);
    expect(under[0]?.signal.aborted).toBe(true);
    under[0]?.answer("ok");
    await pass(60_000);
    expect(under).toHaveLength(1);
    expect(cluster.stats()).toMatchObject({ membership_total: 0, "health_check.success": 0 });
    running[Symbol.dispose]();
  });

  test("a thousand hosts are each checked once, then each again", async () => {
    const counts = new Map<string, number>();
    const { cluster, running, pass } = setUp({
      check: async ({ address }) => {
        counts.set(address, (counts.get(address) ?? 0) + 1);
        return "ok";
      },
    });
    const hosts = Array.from({ length: 1000 }, (_, index) => `h${index}:1`);
    await pass(0);
    cluster.update({ add: [{ hosts }] });
    await pass(200);
    await pass(0);
    expect(cluster.stats()["health_check.healthy"]).toBe(1001);
    await pass(1000);
    expect(new Set(hosts.map((address) => counts.get(address)))).toEqual(new Set([2]));
    running[Symbol.dispose]();
  });
});

describe("ends", () => {
  test("disposing breaks off what is under way and starts nothing more", async () => {
    const { under, running, pass, cluster } = setUp();
    await pass(0);
    running[Symbol.dispose]();
    expect(under[0]?.signal.aborted).toBe(true);
    under[0]?.answer("ok");
    await pass(600_000);
    expect(under).toHaveLength(1);
    expect(cluster.stats()["health_check.attempt"]).toBe(0);
  });

  test("a checker that throws at once, or rejects, is a network failure, and the next check comes", async () => {
    let checks = 0;
    const { cluster, running, pass } = setUp({
      check: (() => {
        checks += 1;
        if (checks === 1) throw new Error("a checker's fault");
        return Promise.reject(new Error("a network's fault"));
      }) as HealthChecker,
    });
    await pass(0);
    await pass(1000);
    await pass(1000);
    expect(checks).toBe(3);
    expect(cluster.stats()).toMatchObject({ "health_check.attempt": 3, "health_check.network_failure": 3 });
    running[Symbol.dispose]();
  });

  test("a cluster that was disposed is checked no more", async () => {
    const { under, cluster, running, pass } = setUp();
    await pass(0);
    cluster[Symbol.dispose]();
    under[0]?.answer("ok");
    await pass(60_000);
    expect(under).toHaveLength(1);
    running[Symbol.dispose]();
  });

  test("a driver whose cluster throws goes on", () => {
    const scheduler = manualScheduler();
    let ticks = 0;
    const driving = drive(
      {
        get nextTickAt() {
          return scheduler.now() + 100;
        },
        tick() {
          ticks += 1;
          throw new Error("a handler's fault");
        },
      },
      scheduler,
    );
    for (let i = 0; i < 3; i++) expect(() => scheduler.advance(100)).toThrow("a handler's fault");
    expect(ticks).toBe(3);
    driving[Symbol.dispose]();
  });
});

describe("events and statistics with Envoy's names, as it logged them", () => {
  test("first checks, ejection, failures, degradation", async () => {
    const { under, events, cluster, running, pass } = setUp({ timing: { alwaysLogFailures: true } });
    const answer = async (result: CheckResult): Promise<void> => {
      await pass(under.length === 0 ? 0 : 1000);
      under.at(-1)?.answer(result);
      await pass(0);
    };
    await answer("network");
    await answer("ok");
    await answer("ok");
    await answer("excluded");
    expect(cluster.host("a:1")).toMatchObject({ flags: 0x81, excluded: true });
    await answer("timeout");
    expect(cluster.host("a:1")).toMatchObject({ flags: 0x181 });
    await answer("ok");
    expect(cluster.stats()).toMatchObject({ "health_check.healthy": 0, membership_excluded: 1 });
    await answer("degraded");
    expect(cluster.host("a:1")).toMatchObject({ flags: 0x8, health: "degraded" });
    expect(cluster.stats()).toMatchObject({
      "health_check.attempt": 7,
      "health_check.success": 4,
      "health_check.failure": 3,
      "health_check.network_failure": 2,
      "health_check.passive_failure": 0,
      "health_check.healthy": 1,
      "health_check.degraded": 1,
    });
    await answer("ok");
    const told = events.map(({ at: _, cluster: name, host, ...event }) => ({ ...event, of: `${name} ${host}` }));
    const of = "shop a:1";
    expect(told).toEqual([
      { action: "HEALTH_CHECK_FAILURE", failureType: "NETWORK", firstCheck: true, of },
      { action: "ADD_HEALTHY", firstCheck: false, of },
      { action: "EJECT_UNHEALTHY", failureType: "ACTIVE", of },
      { action: "HEALTH_CHECK_FAILURE", failureType: "ACTIVE", firstCheck: false, of },
      { action: "HEALTH_CHECK_FAILURE", failureType: "NETWORK_TIMEOUT", firstCheck: false, of },
      { action: "ADD_HEALTHY", firstCheck: false, of },
      { action: "DEGRADED_HEALTHY_HOST", of },
      { action: "NO_LONGER_DEGRADED_HOST", of },
    ]);
    running[Symbol.dispose]();
  });

  test("passing checks are logged when asked for, but not the one that brings the host back", async () => {
    const { under, events, running, pass } = setUp({ timing: { alwaysLogSuccess: true } });
    for (let i = 0; i < 3; i++) {
      await pass(under.length === 0 ? 0 : 1000);
      under.at(-1)?.answer("ok");
      await pass(0);
    }
    expect(events.map(({ action }) => action)).toEqual([
      "ADD_HEALTHY",
      "SUCCESSFUL_HEALTH_CHECK",
      "SUCCESSFUL_HEALTH_CHECK",
    ]);
    running[Symbol.dispose]();
  });

  test("a response that asks to be left alone is a passive failure", async () => {
    const { under, events, cluster, running, pass } = setUp();
    await pass(0);
    under[0]?.answer("ok");
    await pass(0);
    const pick = cluster.pick();
    if (pick.kind === "host") pick.done({ result: "response", status: 200, immediateHealthCheckFail: true });
    expect(events.at(-1)).toMatchObject({ action: "EJECT_UNHEALTHY", failureType: "PASSIVE" });
    expect(cluster.stats()).toMatchObject({ "health_check.passive_failure": 1, "health_check.failure": 1 });
    running[Symbol.dispose]();
  });
});

import { random } from "@weftmesh/lb";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ERROR, failUntilEjected, HOSTS, OK, picked, setUp, spread } from "./picking.js";

describe("outlier ejection", () => {
  const outlierDetection = { maxEjectionPercent: 50 };

  test("five server errors in a row take a host out, and after the ejection time and a sweep it is back", () => {
    const { cluster, clock } = setUp({ hosts: HOSTS, outlierDetection });
    expect(failUntilEjected(cluster, "10.0.0.2:80", 50)).toBe(5);
    expect(spread(cluster, 100)).toEqual({ "10.0.0.1:80": 50, "10.0.0.3:80": 50 });
    expect(cluster.stats()).toMatchObject({ "outlier_detection.ejections_active": 1, membership_healthy: 2 });
    clock.advance(20_000);
    cluster.tick();
    expect(cluster.host("10.0.0.2:80")?.health).toBe("unhealthy");
    clock.advance(10_000);
    cluster.tick();
    expect(cluster.host("10.0.0.2:80")?.health).toBe("healthy");
    expect(Object.keys(spread(cluster, 30)).sort()).toEqual(HOSTS);
  });

  test("the default cap of 10 % keeps a small cluster whole", () => {
    const { cluster } = setUp({ hosts: HOSTS, outlierDetection: {} });
    expect(failUntilEjected(cluster, "10.0.0.2:80", 20)).toBe(20);
    expect(cluster.stats()["outlier_detection.ejections_overflow"]).toBe(4);
  });

  test("always_eject_one_host lifts the cap for one host", () => {
    const { cluster } = setUp({ hosts: HOSTS, outlierDetection: { alwaysEjectOneHost: true } });
    expect(failUntilEjected(cluster, "10.0.0.2:80", 20)).toBe(5);
  });

  test("a removed host frees its slot", () => {
    const { cluster } = setUp({ hosts: HOSTS, outlierDetection });
    failUntilEjected(cluster, "10.0.0.2:80", 50);
    cluster.update({ remove: ["10.0.0.2:80"] });
    expect(cluster.stats()["outlier_detection.ejections_active"]).toBe(0);
  });

  test("probation lets one request through at a time until one succeeds", () => {
    const { cluster, clock } = setUp({ hosts: HOSTS, outlierDetection: { ...outlierDetection, probation: {} } });
    failUntilEjected(cluster, "10.0.0.2:80", 50);
    clock.advance(30_000);
    cluster.tick();
    const held = Array.from({ length: 12 }, () => picked(cluster.pick()));
    expect(held.filter((pick) => pick.host.address === "10.0.0.2:80")).toHaveLength(1);
    for (const pick of held) pick.done(OK);
    expect(spread(cluster, 30)["10.0.0.2:80"]).toBe(10);
  });

  test("a failure on probation ejects at once and for longer", () => {
    const { cluster, clock } = setUp({ hosts: HOSTS, outlierDetection: { ...outlierDetection, probation: {} } });
    failUntilEjected(cluster, "10.0.0.2:80", 50);
    clock.advance(30_000);
    cluster.tick();
    expect(failUntilEjected(cluster, "10.0.0.2:80", 1)).toBe(1);
    expect(cluster.host("10.0.0.2:80")?.health).toBe("unhealthy");
    clock.advance(50_000);
    cluster.tick();
    expect(cluster.host("10.0.0.2:80")?.health).toBe("unhealthy");
    clock.advance(10_000);
    cluster.tick();
    expect(cluster.host("10.0.0.2:80")?.health).toBe("healthy");
  });

  test("the active count equals the flagged hosts whatever happens", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ host: fc.nat(5), kind: fc.constantFrom("error", "ok", "tick", "remove", "add") }), {
          maxLength: 200,
        }),
        (steps) => {
          const all = ["a:1", "b:1", "c:1", "d:1", "e:1", "f:1"];
          const { cluster, clock } = setUp({
            hosts: all,
            policy: random(),
            healthyPanicThreshold: 100,
            outlierDetection: { consecutive5xx: 1, maxEjectionPercent: 80, baseEjectionTimeMs: 1000, intervalMs: 500 },
          });
          for (const { host, kind } of steps) {
            const address = all[host] as string;
            if (kind === "tick") clock.advance(500);
            if (kind === "tick") cluster.tick();
            else if (kind === "remove") cluster.update({ remove: [address] });
            else if (kind === "add") cluster.update({ add: [{ hosts: [address] }] });
            else {
              const pick = cluster.pick();
              if (pick.kind === "host") pick.done(kind === "error" ? ERROR : OK);
            }
            const flagged = all.filter((each) => ((cluster.host(each)?.flags ?? 0) & 0x2) !== 0).length;
            expect(cluster.stats()["outlier_detection.ejections_active"]).toBe(flagged);
          }
        },
      ),
      { seed: 7, numRuns: 200 },
    );
  });
});

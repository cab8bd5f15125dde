import { type EndpointHealth, maglev, subset } from "@weftmesh/lb";
import { describe, expect, test } from "vitest";
import { ERROR, OK, picked, setUp } from "./picking.js";

const hosts = [
  { address: "a:1" },
  { address: "b:1", health: "DEGRADED" as const },
  { address: "c:1", health: "TIMEOUT" as const },
  { address: "d:1", health: "HEALTHY" as const },
];

function chosen(overrideHost: { address: string; strict?: boolean }, overrideHostStatus?: EndpointHealth[]): string {
  const policy = maglev({ tableSize: 251 });
  const { cluster } = setUp({ hosts, policy, ...(overrideHostStatus && { overrideHostStatus }) });
  const fallback = picked(cluster.pick({ hash: 1n })).host.address;
  const pick = cluster.pick({ hash: 1n, overrideHost });
  expect(cluster.explain({ hash: 1n, overrideHost }).address).toBe(
    pick.kind === "host" ? pick.host.address : undefined,
  );
  if (pick.kind === "none") return pick.reason;
  return pick.host.address === fallback ? "fallback" : pick.host.address;
}

describe("the host of a session", () => {
  // What Envoy 1.40 does: `npx pnpm run peers lb` compares every state with every set of states.
  test("is used where its state allows it", () => {
    expect(chosen({ address: "b:1" })).toBe("b:1");
    expect(chosen({ address: "c:1" })).toBe("fallback");
    expect(chosen({ address: "c:1" }, ["TIMEOUT"])).toBe("c:1");
    expect(chosen({ address: "c:1" }, ["UNHEALTHY"])).toBe("fallback");
    expect(chosen({ address: "b:1" }, [])).toBe("fallback");
  });

  test("has no stand-in if it is strict", () => {
    expect(chosen({ address: "c:1", strict: true })).toBe("no-healthy-host");
    expect(chosen({ address: "x:1", strict: true })).toBe("no-healthy-host");
    expect(chosen({ address: "x:1" })).toBe("fallback");
  });

  test("is asked for by first attempts only, before any subset", () => {
    const policy = subset({ selectors: [{ keys: ["k"] }] });
    const { cluster } = setUp({ hosts, policy });
    const context = { overrideHost: { address: "d:1" } };
    const first = picked(cluster.pick(context));
    expect(first.host.address).toBe("d:1");
    first.done(OK);
    expect(cluster.pick({ ...context, attempted: [first.host] }).kind).toBe("none");
  });

  test("is not used while it is ejected or its check fails, whatever the control plane says", () => {
    const healthCheck = { intervalMs: 1000, timeoutMs: 100, healthyThreshold: 1, unhealthyThreshold: 1 };
    const outlierDetection = { consecutive5xx: 1, maxEjectionPercent: 100 };
    const { cluster } = setUp({ hosts: ["a:1", "b:1"], healthCheck, outlierDetection, healthyPanicThreshold: 0 });
    const session = { overrideHost: { address: "a:1", strict: true } };
    expect(cluster.pick(session).kind).toBe("none");
    cluster.reportHealthCheck("a:1", "ok");
    picked(cluster.pick(session)).done(ERROR);
    expect(cluster.pick(session).kind).toBe("none");
    cluster.reportHealthCheck("a:1", "ok");
    expect(picked(cluster.pick(session)).host.address).toBe("a:1");
  });

  test("follows what the control plane says, also from one word to another of the same class", () => {
    const options = { hosts, overrideHostStatus: ["TIMEOUT", "UNKNOWN"] as const, updateMergeWindowMs: 0 };
    const { cluster } = setUp(options);
    const strict = (address: string) => cluster.pick({ overrideHost: { address, strict: true } }).kind;
    expect([strict("c:1"), strict("d:1")]).toEqual(["host", "none"]);
    cluster.update({
      change: [
        { address: "c:1", health: "UNHEALTHY" },
        { address: "d:1", health: "UNKNOWN" },
      ],
    });
    expect([strict("c:1"), strict("d:1")]).toEqual(["none", "host"]);
    cluster.update({
      replace: [
        {
          hosts: [
            { address: "d:1", health: "HEALTHY" },
            { address: "c:1", health: "TIMEOUT" },
          ],
        },
      ],
    });
    expect([strict("c:1"), strict("d:1")]).toEqual(["host", "none"]);
  });
});

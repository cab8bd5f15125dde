import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  initialRotation,
  type RotationEvent,
  type RotationPolicy,
  type RotationState,
  stepRotation,
} from "../../packages/cert/src/rotation.js";

const policy: RotationPolicy = { ratio: 0.5, jitter: 0.01, backoffBaseMs: 100, backoffMaxMs: 30_000 };
const half = (): number => 0.5;

function run(events: readonly (readonly [at: number, event: RotationEvent])[]): RotationState {
  return events.reduce((state, [at, event]) => stepRotation(state, event, policy, at, half)[0], initialRotation);
}

const fresh = (lifetime: number): RotationState =>
  run([
    [0, { kind: "start" }],
    [0, { kind: "installed", notAfter: lifetime }],
  ]);

describe("renewal", () => {
  test("is due at half of the lifetime that was left at receipt", () => {
    expect(fresh(10_000)).toMatchObject({ phase: "fresh", nextAt: 5000, renewals: 1 });
  });

  test("is moved by chance, by the jitter at most", () => {
    const [late] = stepRotation(initialRotation, { kind: "installed", notAfter: 10_000 }, policy, 0, () => 0.999_999);
    expect(late.nextAt).toBeCloseTo(5100, 0);
  });

  test("is asked for once at a time", () => {
    const [state] = stepRotation(initialRotation, { kind: "start" }, policy, 0, half);
    expect(stepRotation(state, { kind: "renew" }, policy, 1, half)[1]).toEqual([]);
  });

  test("goes on after the clock was set back by a year", () => {
    const [, effects] = stepRotation(fresh(10_000), { kind: "woken", sleptMs: 5000 }, policy, -31_536_000_000, half);
    expect(effects).toEqual([{ kind: "request" }]);
  });

  test("comes at once after the clock was set forward", () => {
    const [, effects] = stepRotation(fresh(10_000_000), { kind: "woken", sleptMs: 1 }, policy, 9_000_000, half);
    expect(effects).toEqual([{ kind: "request" }]);
  });

  test("a certificate of years is looked after every minute", () => {
    const [, effects] = stepRotation(initialRotation, { kind: "installed", notAfter: 1e12 }, policy, 0, half);
    expect(effects).toEqual([{ kind: "sleep", ms: 60_000 }]);
  });
});

describe("failure", () => {
  test("doubles the wait, up to a tenth of the lifetime", () => {
    let state = fresh(10_000);
    const waits = Array.from({ length: 6 }, () => {
      [state] = stepRotation(state, { kind: "failed" }, policy, 5000, half);
      return state.waitMs;
    });
    expect(waits).toEqual([100, 200, 400, 800, 1000, 1000]);
  });

  test("keeps what is served until its own end", () => {
    const [retrying] = stepRotation(fresh(10_000), { kind: "failed" }, policy, 9999, half);
    const [expired] = stepRotation(retrying, { kind: "failed" }, policy, 10_001, half);
    expect([retrying.phase, expired.phase]).toEqual(["retrying", "expired"]);
    expect(stepRotation(expired, { kind: "installed", notAfter: 20_000 }, policy, 10_100, half)[0]).toMatchObject({
      phase: "fresh",
      failures: 0,
    });
  });
});

test("whatever happens, something is always under way: a request, or a sleep of at most a minute", () => {
  const event = fc.oneof(
    fc.constant<RotationEvent>({ kind: "failed" }),
    fc.nat(200_000).map((sleptMs): RotationEvent => ({ kind: "woken", sleptMs })),
    fc.integer({ min: -1000, max: 1e11 }).map((notAfter): RotationEvent => ({ kind: "installed", notAfter })),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: -1e6, max: 1e10 }), event), { maxLength: 30 }), (events) => {
      let [state, effects] = stepRotation(initialRotation, { kind: "start" }, policy, 0, half);
      for (const [at, one] of events) {
        const due = one.kind === "woken" ? !state.requesting : state.requesting;
        if (!due) continue;
        [state, effects] = stepRotation(state, one, policy, at, half);
        const [effect] = effects;
        const alive =
          effect?.kind === "request"
            ? state.requesting
            : effect?.kind === "sleep" && effect.ms >= 0 && effect.ms <= 60_000;
        if (!alive) throw new Error(JSON.stringify([state, effects]));
      }
    }),
    { seed: 7, numRuns: 500 },
  );
});

import { createCluster, type Outcome, type TryHostsOptions, tryHosts } from "@weftmesh/lb";
import { manualScheduler, seededRandom } from "@weftmesh/lb/testing";
import { describe, expect, test } from "vitest";

/** Statuses by host; what is not a number is thrown. */
function setUp(statuses: Readonly<Record<string, number | Error>>, options: { readonly maxRetries?: number } = {}) {
  const sent: string[] = [];
  const waited: number[] = [];
  const cluster = createCluster(
    {
      name: "shop",
      hosts: Object.keys(statuses),
      circuitBreakers: [{ maxRetries: options.maxRetries ?? 3 }],
    },
    { clock: manualScheduler(), random: seededRandom(1) },
  );
  const send: TryHostsOptions<number>["send"] = async ({ address }) => {
    sent.push(address);
    const status = statuses[address];
    if (typeof status !== "number") throw status;
    return status;
  };
  const run = (more: Partial<TryHostsOptions<number>> = {}) =>
    tryHosts<number>(cluster, {
      wait: async (delayMs) => void waited.push(delayMs),
      outcomeOf: (status): Outcome => ({ result: "response", status }),
      retryDelayMs: (status, attempt) => (status === 503 && attempt <= 2 ? 25 * attempt : undefined),
      send,
      ...more,
    });
  return { cluster, run, sent, waited };
}

describe("tryHosts", () => {
  test("a result that stands ends it", async () => {
    const { run, sent, waited } = setUp({ "10.0.0.1:80": 200 });
    expect(await run()).toEqual({ kind: "result", result: 200, attempts: 1 });
    expect(sent).toEqual(["10.0.0.1:80"]);
    expect(waited).toEqual([]);
  });

  test("a retry waits, and passes over the hosts that were attempted", async () => {
    const { run, sent, waited, cluster } = setUp({ "10.0.0.1:80": 503, "10.0.0.2:80": 503, "10.0.0.3:80": 503 });
    expect(await run()).toEqual({ kind: "result", result: 503, attempts: 3 });
    expect(new Set(sent).size).toBe(3);
    expect(waited).toEqual([25, 50]);
    expect(cluster.stats()["upstream_rq_active"]).toBe(0);
    expect(cluster.stats()["upstream_rq_retry_active"] ?? 0).toBe(0);
  });

  test("without a permit of the circuit breaker the result stands", async () => {
    const { run, sent } = setUp({ "10.0.0.1:80": 503, "10.0.0.2:80": 503 }, { maxRetries: 0 });
    expect(await run()).toEqual({ kind: "result", result: 503, attempts: 1 });
    expect(sent).toHaveLength(1);
  });

  test("whether a result stands can be asked before the attempt is over, and is then asked once", async () => {
    const { run } = setUp({ "10.0.0.1:80": 503, "10.0.0.2:80": 200 });
    const asked: (readonly [number, boolean])[] = [];
    const answers = [503, 200];
    const tried = await run({
      send: async (_, attempt, stands) => {
        const status = answers[attempt - 1] ?? 0;
        asked.push([status, stands(status)]);
        return status;
      },
    });
    expect(tried).toEqual({ kind: "result", result: 200, attempts: 2 });
    expect(asked).toEqual([
      [503, false],
      [200, true],
    ]);
  });

  test("no host is an answer, also for a retry", async () => {
    const { cluster, run } = setUp({ "10.0.0.1:80": 503 });
    cluster.update({ replace: [] });
    expect(await run()).toEqual({ kind: "none", reason: "no-healthy-host" });
  });

  test("what sending throws comes out, and nothing is held", async () => {
    const { run, cluster } = setUp({ "10.0.0.1:80": new Error("bug") });
    await expect(run()).rejects.toThrow("bug");
    expect(cluster.stats()["upstream_rq_active"]).toBe(0);
  });

  test("a result that is asked about when its attempt is over takes no permit", async () => {
    const { run, cluster } = setUp({ "10.0.0.1:80": 503, "10.0.0.2:80": 503 }, { maxRetries: 1 });
    let late: ((status: number) => boolean) | undefined;
    await run({
      retryDelayMs: () => 0,
      send: async (_, attempt, stands) => {
        late ??= stands;
        if (attempt > 1) throw new Error("enough");
        return 503;
      },
    }).catch(() => undefined);
    expect(late?.(503)).toBe(false);
    expect(cluster.admit("retry")).toBeDefined();
  });
});

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import {
  type Cluster,
  type ClusterOptions,
  clientSideWeightedRoundRobin,
  createCluster,
  type LbInterceptorOptions,
  lbInterceptor,
} from "@weftmesh/lb";
import { manualScheduler, seededRandom } from "@weftmesh/lb/testing";
import { Agent, type Dispatcher, request } from "undici";
import { afterEach, describe, expect, test } from "vitest";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

interface Backend {
  readonly address: string;
  requests: number;
  status: number;
  load?: string;
  fields?: Record<string, string>;
}

async function backend(status = 200): Promise<Backend> {
  const server: Server = createServer((incoming, response) => {
    state.requests += 1;
    incoming.resume();
    incoming.on("end", () => {
      if (state.load !== undefined) response.setHeader("endpoint-load-metrics", state.load);
      response.writeHead(state.status, { "x-host": incoming.headers.host, ...state.fields }).end("body");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => server.close());
  const state: Backend = { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, requests: 0, status };
  return state;
}

function setUp(options: ClusterOptions, retry: LbInterceptorOptions = {}) {
  const clock = manualScheduler();
  const cluster: Cluster = createCluster({ name: "shop", ...options }, { clock, random: seededRandom(1) });
  const agent = new Agent();
  closers.push(() => agent.close());
  const dispatcher: Dispatcher = agent.compose(lbInterceptor(cluster, retry));
  const get = async (method: Dispatcher.HttpMethod = "GET") => {
    const { statusCode, headers, body } = await request("http://shop.internal/items?q=1", { dispatcher, method });
    return { statusCode, host: headers["x-host"], text: await body.text() };
  };
  return { clock, cluster, get };
}

describe("lbInterceptor", () => {
  test("requests go to the cluster's hosts in turn, under the name they were made for", async () => {
    const [a, b] = [await backend(), await backend()];
    const { cluster, get } = setUp({ hosts: [a.address, b.address] });
    for (let i = 0; i < 6; i++) expect(await get()).toEqual({ statusCode: 200, host: "shop.internal", text: "body" });
    expect([a.requests, b.requests]).toEqual([3, 3]);
    expect(cluster.stats()["upstream_rq_active"]).toBe(0);
  });

  test("a 503 is tried again on another host, and the caller does not notice", async () => {
    const [good, bad] = [await backend(), await backend(503)];
    const { cluster, get } = setUp({ hosts: [good.address, bad.address] });
    for (let i = 0; i < 8; i++) expect((await get()).statusCode).toBe(200);
    expect(bad.requests).toBeGreaterThan(0);
    expect(cluster.admit("retry")).toBeDefined();
  });

  test("a host that is not there is tried again elsewhere, then ejected, and is back after its time", async () => {
    const good = await backend();
    const gone = "127.0.0.1:1";
    const { clock, cluster, get } = setUp({
      hosts: [good.address, gone],
      outlierDetection: { maxEjectionPercent: 50 },
    });
    for (let i = 0; i < 20; i++) expect((await get()).statusCode).toBe(200);
    expect(cluster.host(gone)?.health).toBe("unhealthy");
    clock.advance(30_000);
    cluster.tick();
    expect(cluster.host(gone)?.health).toBe("healthy");
  });

  test("what may not be sent twice is not retried", async () => {
    const bad = await backend(503);
    const { get } = setUp({ hosts: [bad.address] });
    expect((await get("POST")).statusCode).toBe(503);
    expect(bad.requests).toBe(1);
  });

  test("without a retry budget the failure is the caller's", async () => {
    const bad = await backend(503);
    const { cluster, get } = setUp({ hosts: [bad.address], circuitBreakers: [{ maxRetries: 0 }] });
    expect((await get()).statusCode).toBe(503);
    expect(cluster.stats()["upstream_rq_retry_overflow"]).toBe(1);
  });

  test("no host is an error with its own code and reason", async () => {
    const { get } = setUp({});
    await expect(get()).rejects.toMatchObject({
      code: "ERR_LB_NO_HOST",
      message: expect.stringContaining("no-healthy-host"),
    });
  });

  test("after an outage of most hosts the load is even again", async () => {
    const backends = await Promise.all([backend(), backend(), backend(), backend()]);
    const { clock, cluster, get } = setUp(
      { hosts: backends.map((each) => each.address), outlierDetection: { maxEjectionPercent: 75, consecutive5xx: 3 } },
      { retries: 3 },
    );
    for (const each of backends.slice(1)) each.status = 503;
    for (let i = 0; i < 60; i++) await get();
    for (const each of backends) each.status = 200;
    clock.advance(60_000);
    cluster.tick();
    for (const each of backends) each.requests = 0;
    for (let i = 0; i < 80; i++) await get();
    expect(backends.map((each) => each.requests)).toEqual([20, 20, 20, 20]);
  });

  test("the load that hosts report becomes their weight", async () => {
    const reporting = async (utilization: number): Promise<Backend> => {
      const each = await backend();
      each.load = `TEXT rps_fractional=100,cpu_utilization=${utilization}`;
      return each;
    };
    const [idle, busy] = [await reporting(0.25), await reporting(0.75)];
    const { clock, cluster, get } = setUp({
      hosts: [idle.address, busy.address],
      policy: clientSideWeightedRoundRobin({ blackoutPeriodMs: 0 }),
    });
    for (let i = 0; i < 4; i++) await get();
    clock.advance(1000);
    cluster.tick();
    idle.requests = 0;
    busy.requests = 0;
    for (let i = 0; i < 40; i++) await get();
    // 100 / 0.25 to 100 / 0.75
    expect([idle.requests, busy.requests]).toEqual([30, 10]);
  });

  test("a host that asks to be left alone is", async () => {
    const [good, ill] = [await backend(), await backend()];
    ill.fields = { "x-envoy-immediate-health-check-fail": "1" };
    const timing = { timeoutMs: 1000, intervalMs: 5000, healthyThreshold: 1, unhealthyThreshold: 1 };
    const { cluster, get } = setUp({ hosts: [good.address, ill.address], healthCheck: timing });
    for (const { address } of [good, ill]) cluster.reportHealthCheck(address, "ok");
    for (let i = 0; i < 4; i++) await get();
    expect(cluster.host(ill.address)).toMatchObject({ health: "unhealthy", excluded: true });
    expect(ill.requests).toBe(1);
  });
});

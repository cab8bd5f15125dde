import { createServer as createHttpServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import {
  type CheckResult,
  createCluster,
  type GrpcCheckOptions,
  grpcCheck,
  type HealthChecker,
  type Host,
  type HttpCheckOptions,
  httpCheck,
  type LbEvent,
  runHealthChecks,
  tcpCheck,
} from "@weftmesh/lb";
import { manualScheduler, seededRandom } from "@weftmesh/lb/testing";
import { afterEach, describe, expect, test } from "vitest";

const HEALTH_CHECK = { intervalMs: 1000, timeoutMs: 500, healthyThreshold: 2, unhealthyThreshold: 2 };
const servers: { close(): unknown }[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listen(server: Server | ReturnType<typeof createHttp2Server>): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  servers.push(server);
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function hostAt(address: string): Host {
  const cluster = createCluster({ hosts: [address] }, { clock: manualScheduler(), random: seededRandom(1) });
  return cluster.host(address) as Host;
}

function once(check: HealthChecker, address: string): Promise<CheckResult> {
  return check(hostAt(address), new AbortController().signal).catch(() => "network" as const);
}

describe("httpCheck", () => {
  test.each<{
    name: string;
    answer: { status: number; headers?: Record<string, string>; body?: string };
    options?: Partial<HttpCheckOptions>;
    result: CheckResult;
  }>([
    { name: "200 passes", answer: { status: 200 }, result: "ok" },
    { name: "204 fails unless it is expected", answer: { status: 204 }, result: "fail" },
    {
      name: "an expected range ends before its end",
      answer: { status: 204 },
      options: { expectedStatuses: [{ start: 200, end: 204 }] },
      result: "fail",
    },
    {
      name: "a retriable status counts",
      answer: { status: 503 },
      options: { retriableStatuses: [{ start: 500, end: 600 }] },
      result: "retriable",
    },
    {
      name: "what is both expected and retriable passes",
      answer: { status: 503 },
      options: { expectedStatuses: [{ start: 500, end: 600 }], retriableStatuses: [{ start: 503, end: 504 }] },
      result: "ok",
    },
    {
      name: "x-envoy-degraded passes as degraded",
      answer: { status: 200, headers: { "x-envoy-degraded": "1" } },
      result: "degraded",
    },
    // The four as recorded from Envoy 1.40, by flags and event log.
    {
      name: "x-envoy-immediate-health-check-fail excludes what fails",
      answer: { status: 503, headers: { "x-envoy-immediate-health-check-fail": "1" } },
      result: "excluded",
    },
    {
      name: "x-envoy-immediate-health-check-fail means nothing on what passes",
      answer: { status: 200, headers: { "x-envoy-immediate-health-check-fail": "1" } },
      result: "ok",
    },
    {
      name: "a retriable status counts also with x-envoy-immediate-health-check-fail",
      answer: { status: 503, headers: { "x-envoy-immediate-health-check-fail": "1" } },
      options: { retriableStatuses: [{ start: 500, end: 600 }] },
      result: "retriable",
    },
    {
      name: "a body that is not the expected one fails at once, whatever the status",
      answer: { status: 503, body: "down" },
      options: { receive: [Buffer.from("ok")], retriableStatuses: [{ start: 500, end: 600 }] },
      result: "fail",
    },
    {
      name: "parts of the body that come in order pass",
      answer: { status: 200, body: "first a, then b" },
      options: { receive: [Buffer.from("a"), Buffer.from("b")] },
      result: "ok",
    },
    {
      name: "a buffer of 0 looks at everything",
      answer: { status: 200, body: `${"x".repeat(100_000)}end` },
      options: { receive: [Buffer.from("xend")], responseBufferSize: 0 },
      result: "ok",
    },
    {
      name: "the right service's name passes",
      answer: { status: 200, headers: { "x-envoy-upstream-healthchecked-cluster": "shop-1" } },
      options: { serviceName: (name) => name.startsWith("shop") },
      result: "ok",
    },
    {
      name: "a service's name that is not there is an empty one",
      answer: { status: 200 },
      options: { serviceName: (name) => name === "" },
      result: "ok",
    },
    {
      name: "parts of the body must come in order",
      answer: { status: 200, body: "b then a" },
      options: { receive: [Buffer.from("a"), Buffer.from("b")] },
      result: "fail",
    },
    {
      name: "beyond the buffer nothing is seen",
      answer: { status: 200, body: "0123456789" },
      options: { receive: [Buffer.from("9")], responseBufferSize: 5 },
      result: "fail",
    },
    {
      name: "another service's name fails",
      answer: { status: 200, headers: { "x-envoy-upstream-healthchecked-cluster": "other" } },
      options: { serviceName: (name) => name.startsWith("shop") },
      result: "fail",
    },
  ])("$name", async ({ answer, options, result }) => {
    const address = await listen(
      createHttpServer((_, response) => response.writeHead(answer.status, answer.headers).end(answer.body)),
    );
    expect(await once(httpCheck({ path: "/healthz", ...options }), address)).toBe(result);
  });
});

describe("tcpCheck", () => {
  test("a connection is enough when nothing is expected", async () => {
    const address = await listen(createTcpServer());
    expect(await once(tcpCheck(), address)).toBe("ok");
  });

  test("what is expected must come back in order", async () => {
    const address = await listen(createTcpServer((socket) => socket.on("data", () => socket.end("+PONG\r\n"))));
    expect(
      await once(tcpCheck({ send: Buffer.from("PING\r\n"), receive: [Buffer.from("PO"), Buffer.from("NG")] }), address),
    ).toBe("ok");
    expect(await once(tcpCheck({ send: Buffer.from("PING\r\n"), receive: [Buffer.from("NOPE")] }), address)).toBe(
      "network",
    );
  });

  test("a port nobody listens on is a network failure", async () => {
    expect(await once(tcpCheck(), "127.0.0.1:1")).toBe("network");
  });
});

describe("grpcCheck", () => {
  test.each<{ name: string; status: number; options?: GrpcCheckOptions; result: CheckResult }>([
    { name: "SERVING passes", status: 1, result: "ok" },
    { name: "NOT_SERVING fails", status: 2, options: { serviceName: "shop.v1.Shop" }, result: "fail" },
  ])("$name", async ({ status, options, result }) => {
    const asked: string[] = [];
    const server = createHttp2Server();
    server.on("stream", (stream) => {
      stream.on("data", (chunk: Buffer) => asked.push(chunk.subarray(7).toString()));
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.end(Buffer.from([0, 0, 0, 0, 2, 8, status]));
    });
    expect(await once(grpcCheck(options), await listen(server))).toBe(result);
    expect(asked.filter((name) => name !== "")).toEqual(options?.serviceName ? [options.serviceName] : []);
  });
});

describe("runHealthChecks", () => {
  async function settle(): Promise<void> {
    for (let i = 0; i < 10; i++) await Promise.resolve();
  }

  function setUp(check: HealthChecker) {
    const scheduler = manualScheduler();
    const events: LbEvent[] = [];
    const cluster = createCluster(
      {
        hosts: ["a:1", "b:1"],
        healthCheck: HEALTH_CHECK,
        healthyPanicThreshold: 0,
        onEvent: (event) => events.push(event),
      },
      { clock: scheduler, random: seededRandom(1) },
    );
    const running = runHealthChecks(cluster, { check, scheduler, random: () => 0 });
    const pass = async (ms: number): Promise<void> => {
      scheduler.advance(ms);
      await settle();
    };
    return { scheduler, events, cluster, running, pass };
  }

  test("hosts are out until their first check passes, and one is out after its threshold of failures", async () => {
    const results: Record<string, CheckResult> = { "a:1": "ok", "b:1": "ok" };
    const { cluster, events, running, pass } = setUp(async (host) => results[host.address] ?? "network");
    expect(cluster.pick()).toEqual({ kind: "none", reason: "no-healthy-host" });
    await pass(0);
    expect(cluster.stats()).toMatchObject({ membership_healthy: 2, "health_check.success": 2 });
    cluster.pick();
    results["b:1"] = "network";
    await pass(60_000);
    expect(cluster.host("b:1")?.health).toBe("healthy");
    await pass(1000);
    expect(cluster.host("b:1")?.health).toBe("unhealthy");
    expect(events.map((event) => event.action)).toEqual(["ADD_HEALTHY", "ADD_HEALTHY", "EJECT_UNHEALTHY"]);
    results["b:1"] = "ok";
    await pass(1000);
    expect(cluster.host("b:1")?.health).toBe("unhealthy");
    await pass(1000);
    expect(cluster.host("b:1")?.health).toBe("healthy");
    running[Symbol.dispose]();
  });

  test("a check that takes too long is a timeout and its late answer is not looked at", async () => {
    const aborted: string[] = [];
    const { cluster, running, pass } = setUp(
      (host, signal) =>
        new Promise(() => signal.addEventListener("abort", () => aborted.push(host.address), { once: true })),
    );
    await pass(0);
    await pass(500);
    expect(aborted.sort()).toEqual(["a:1", "b:1"]);
    expect(cluster.host("a:1")?.flags).toBe(0x101);
    expect(cluster.stats()["health_check.network_failure"]).toBe(2);
    running[Symbol.dispose]();
  });

  test("a host that discovery drops stays while its check passes and goes when it fails", async () => {
    let result: CheckResult = "ok";
    const { cluster, running, pass } = setUp(async () => result);
    await pass(0);
    cluster.pick();
    cluster.update({ remove: ["b:1"] });
    expect(cluster.host("b:1")).toBeDefined();
    result = "fail";
    await pass(60_000);
    expect(cluster.host("b:1")).toBeUndefined();
    running[Symbol.dispose]();
  });

  test("a response that asks for it takes the host out of use and of every denominator until a check passes", async () => {
    const { cluster, running, pass } = setUp(async () => "ok");
    await pass(0);
    const pick = cluster.pick();
    expect(pick.kind).toBe("host");
    if (pick.kind === "host") pick.done({ result: "response", status: 200, immediateHealthCheckFail: true });
    expect(cluster.stats()).toMatchObject({ membership_healthy: 1, membership_excluded: 1 });
    await pass(60_000);
    await pass(1000);
    expect(cluster.stats()).toMatchObject({ membership_healthy: 2, membership_excluded: 0 });
    running[Symbol.dispose]();
  });

  test("a cluster without timing cannot be checked", () => {
    const cluster = createCluster({ hosts: ["a:1"] }, { clock: manualScheduler(), random: seededRandom(1) });
    expect(() => runHealthChecks(cluster, { check: tcpCheck() })).toThrow(TypeError);
  });
});

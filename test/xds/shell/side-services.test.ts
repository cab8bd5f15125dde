import { Client, credentials, Metadata, Server, ServerCredentials } from "@grpc/grpc-js";
import { LoadStatsRequest, LoadStatsResponse } from "@weftmesh/xds-types/envoy/service/load_stats/v3";
import { ClientStatusRequest, ClientStatusResponse } from "@weftmesh/xds-types/envoy/service/status/v3";
import { afterEach, describe, expect, test, vi } from "vitest";
import { selectMetrics } from "../../../packages/xds/src/load-metrics.js";
import { createLoadStore } from "../../../packages/xds/src/load-store.js";
import { createClient } from "../../../packages/xds/src/shell/client.js";
import { registerClientStatus } from "../../../packages/xds/src/shell/client-status.js";
import { registerLoadStats, reportLoads } from "../../../packages/xds/src/shell/load-stats.js";
import { readLoadTrailer, registerOrca, watchLoad, writeLoadTrailer } from "../../../packages/xds/src/shell/orca.js";
import { createServer } from "../../../packages/xds/src/shell/server.js";
import { streamMethod, unaryMethod } from "../../../packages/xds/src/shell/services.js";
import { snapshotCache } from "../../../packages/xds/src/snapshot-cache.js";
import type { XdsServer } from "../../../packages/xds/src/xds-server.js";
import { opaque, plainDigest, T } from "../opaque.js";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function listen(register: (server: Server) => void): Promise<string> {
  const server = new Server();
  register(server);
  closers.push(() => server.forceShutdown());
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return `127.0.0.1:${port}`;
}

function connect(uri: string): Client {
  const client = new Client(uri, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
  closers.push(() => client.close());
  return client;
}

describe("load reports", () => {
  const locality = { region: "r", zone: "z" };

  test("L1: requests in progress are a gauge, everything else counts from report to report", () => {
    const store = createLoadStore(0);
    const target = { cluster: "c", service: "s", locality };
    const done = store.start(target);
    store.start(target)({ metrics: { queue: 2 } });
    store.start({ ...target, priority: 1 })({ error: true });
    store.drop("c", "lb");
    expect(store.report("all", 1500)).toEqual([
      {
        clusterName: "c",
        clusterServiceName: "s",
        upstreamLocalityStats: [
          {
            ...{ locality, priority: 0, totalIssuedRequests: 2n, totalSuccessfulRequests: 1n, totalErrorRequests: 0n },
            totalRequestsInProgress: 1n,
            loadMetricStats: [{ metricName: "queue", numRequestsFinishedWithMetric: 1n, totalMetricValue: 2 }],
          },
          {
            ...{ locality, priority: 1, totalIssuedRequests: 1n, totalSuccessfulRequests: 0n, totalErrorRequests: 1n },
            ...{ totalRequestsInProgress: 0n, loadMetricStats: [] },
          },
        ],
        ...{ totalDroppedRequests: 0n, droppedRequests: [], loadReportInterval: { seconds: 1n, nanos: 500_000_000 } },
      },
      expect.objectContaining({ clusterName: "c", droppedRequests: [{ category: "lb", droppedCount: 1n }] }),
    ]);
    done();
    done();
    const [next] = store.report(["c"], 2000);
    expect(next?.upstreamLocalityStats).toMatchObject([{ totalIssuedRequests: 0n, totalSuccessfulRequests: 1n }]);
    expect(next?.loadReportInterval).toEqual({ seconds: 0n, nanos: 500_000_000 });
    expect(store.report(["other"], 2500)).toEqual([]);
  });

  test("L1: the server asks, the client reports for it, over streams that end and come back", async () => {
    const heard: string[] = [];
    const uri = await listen((server) =>
      registerLoadStats(server, {
        intervalMs: 5,
        onReport: (node, clusters) => {
          for (const { clusterName, upstreamLocalityStats: [stats] = [] } of clusters) {
            if ((stats?.totalSuccessfulRequests ?? 0n) > 0n)
              heard.push(`${node.id} ${clusterName} ${stats?.totalSuccessfulRequests}`);
          }
        },
      }),
    );
    const store = createLoadStore(performance.now());
    const reporting = reportLoads(store, { uri, node: { id: "n" } });
    closers.push(() => reporting[Symbol.dispose]());
    store.start({ cluster: "c", locality })();
    await vi.waitFor(() => expect(heard).toEqual(["n c 1"]));
    store.start({ cluster: "c", locality })();
    await vi.waitFor(() => expect(heard).toEqual(["n c 1", "n c 1"]));
  });

  test("L1: a repeated response sets the timer anew and leaks none", async () => {
    let reports = 0;
    const method = streamMethod("envoy.service.load_stats.v3.LoadReportingService", "StreamLoadStats");
    const wish = (ms: number) =>
      Buffer.from(
        LoadStatsResponse.encode({ sendAllClusters: true, loadReportingInterval: { seconds: 0n, nanos: ms * 1e6 } }),
      );
    const uri = await listen((server) =>
      server.addService(
        { s: method },
        {
          s: (call: import("@grpc/grpc-js").ServerDuplexStream<Buffer, Buffer>) => {
            call.on("error", () => undefined);
            call.once("data", () => {
              for (let index = 0; index < 500; index++) call.write(wish(1));
              call.write(wish(200));
            });
            call.on("data", (bytes) => {
              if (LoadStatsRequest.decode(bytes).node === undefined) reports++;
            });
          },
        },
      ),
    );
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
    const before = timers();
    const reporting = reportLoads(createLoadStore(performance.now()), { uri, node: { id: "n" } });
    closers.push(() => reporting[Symbol.dispose]());
    await vi.waitFor(() => expect(reports).toBeGreaterThan(0), { timeout: 5000 });
    expect(timers() - before).toBeLessThan(10);
  });
});

describe("ORCA", () => {
  test("L2: load travels in a trailer; garbage there is no load", () => {
    const trailer = new Metadata();
    expect(readLoadTrailer(trailer)).toBeUndefined();
    writeLoadTrailer(trailer, { cpuUtilization: 0.5, namedMetrics: { queue: 3 } });
    expect(readLoadTrailer(trailer)).toMatchObject({ cpuUtilization: 0.5, namedMetrics: { queue: 3 } });
    trailer.set("endpoint-load-metrics-bin", Buffer.from([0xff]));
    expect(readLoadTrailer(trailer)).toBeUndefined();
  });

  test("L2: load comes out of band, as often as was asked within the server's bound", async () => {
    let load = 0;
    const uri = await listen((server) =>
      registerOrca(server, () => ({ cpuUtilization: ++load / 10 }), { minIntervalMs: 2 }),
    );
    const seen: number[] = [];
    const abort = new AbortController();
    for await (const { cpuUtilization = 0 } of watchLoad(uri, { intervalMs: 2, signal: abort.signal })) {
      seen.push(cpuUtilization);
      if (seen.length === 3) abort.abort();
    }
    expect(seen).toEqual([0.1, 0.2, 0.3]);
  });

  test("L2: a backend that does not report says so at once", async () => {
    const uri = await listen(() => undefined);
    await expect(watchLoad(uri, { intervalMs: 1000 }).next()).rejects.toMatchObject({ code: 12 });
  });

  test("L2: what goes into load reports is selected by name", () => {
    const report = {
      cpuUtilization: 0.5,
      memUtilization: 0.2,
      namedMetrics: { a: 1, b: 2 },
      utilization: { disk: 0.9 },
    };
    expect({ ...selectMetrics(report, ["cpu_utilization", "named_metrics.a", "utilization.*"]) }).toEqual({
      ...{ cpu_utilization: 0.5, "named_metrics.a": 1, "utilization.disk": 0.9 },
    });
  });
});

describe("client status", () => {
  const fetchMethod = unaryMethod("envoy.service.status.v3.ClientStatusDiscoveryService", "FetchClientStatus");

  function ask(client: Client, request: ClientStatusRequest): Promise<ClientStatusResponse> {
    const bytes = Buffer.from(ClientStatusRequest.encode(request));
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        fetchMethod.path,
        fetchMethod.requestSerialize,
        fetchMethod.responseDeserialize,
        bytes,
        (error, reply) => (error ? reject(error) : resolve(ClientStatusResponse.decode(reply as Buffer))),
      );
    });
  }

  test("L3: a server tells what each client was sent and made of it, a client what it holds", async () => {
    const cache = snapshotCache({ nodeKey: ({ id }) => id, encode: () => opaque(T.CDS, "never"), digest: plainDigest });
    let server: XdsServer | undefined;
    server = createServer({ cache, register: (grpc) => registerClientStatus(grpc, () => server?.dump() ?? []) });
    closers.push(() => server?.close());
    const uri = `127.0.0.1:${await server.listen("127.0.0.1:0")}`;
    cache.set("n", [opaque(T.CDS, "good"), opaque(T.CDS, "bad", "bad")]);
    const type = {
      typeUrl: T.CDS,
      decode: (bytes: Uint8Array) => new TextDecoder().decode(bytes),
      check: (text: string) => (text.endsWith("bad") ? [{ path: "content", message: "it is bad" }] : []),
    };
    const client = createClient({ bootstrap: { servers: [{ uri }], node: { id: "n", metadata: { role: "edge" } } } });
    closers.push(() => client.close());
    const updates = client.watch(type, ["*"])[Symbol.asyncIterator]();
    await updates.next();
    const probe = connect(uri);
    const configs = async (request: ClientStatusRequest = {}) =>
      (await ask(probe, request)).config?.flatMap(({ genericXdsConfigs = [] }) => genericXdsConfigs) ?? [];
    await vi.waitFor(async () => expect((await configs()).map(({ configStatus }) => configStatus)).toContain("ERROR"));
    const [good, bad] = await configs();
    expect(good).toMatchObject({ name: "good", typeUrl: T.CDS, versionInfo: "v1", xdsConfig: { typeUrl: T.CDS } });
    expect(bad).toMatchObject({
      name: "bad",
      configStatus: "ERROR",
      errorState: { details: expect.stringContaining("it is bad") },
    });
    expect((await configs({ excludeResourceContents: true }))[0]).not.toHaveProperty("xdsConfig");
    expect(await configs({ nodeMatchers: [{ nodeId: { exact: "other" } }] })).toEqual([]);
    const edge = { path: [{ key: "role" }], value: { stringMatch: { prefix: "ed" } } };
    expect(await configs({ nodeMatchers: [{ nodeMetadatas: [edge] }] })).toHaveLength(2);
    await expect(configs({ nodeMatchers: [{ nodeId: { safeRegex: { regex: "n" } } }] })).rejects.toMatchObject({
      code: 3,
    });

    const own = connect(await listen((grpc) => registerClientStatus(grpc, () => [client.dump()])));
    const held = (await ask(own, {})).config?.[0]?.genericXdsConfigs ?? [];
    expect(held).toMatchObject([
      { name: "good", clientStatus: "ACKED", versionInfo: "v1" },
      { name: "bad", clientStatus: "NACKED", errorState: { details: expect.stringContaining("it is bad") } },
    ]);
  });
});

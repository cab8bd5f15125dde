import { createServer, type IncomingHttpHeaders } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import {
  type CheckResult,
  checkerFromXds,
  clusterFromXds,
  endpointsFromXds,
  type Host,
  LbError,
  type LbEvent,
  optionsFromXds,
  runHealthChecks,
  startCluster,
} from "@weftmesh/lb";
import { manualScheduler, seededRandom } from "@weftmesh/lb/testing";
import { Cluster } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import { ClusterLoadAssignment } from "@weftmesh/xds-types/envoy/config/endpoint/v3";
import { afterEach, describe, expect, test } from "vitest";

const TIMES = { timeout: "1s", interval: "1s", healthy_threshold: 1, unhealthy_threshold: 1 };
const servers: { close(): unknown }[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

function message(check: object, port = 1, more: object = {}, endpoint: object = {}): Cluster {
  const address = { socket_address: { address: "127.0.0.1", port_value: port } };
  return Cluster.fromJson({
    name: "shop",
    load_assignment: {
      cluster_name: "shop",
      endpoints: [{ lb_endpoints: [{ endpoint: { address, ...endpoint } }] }],
    },
    health_checks: [{ ...TIMES, ...check }],
    ...more,
  } as object);
}

interface Asked {
  readonly line: string;
  readonly headers: IncomingHttpHeaders;
}

async function httpServer(status = 200, headers: Readonly<Record<string, string>> = {}, body = "") {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    let sent = "";
    request.on("data", (chunk) => {
      sent += chunk;
    });
    request.on("end", () => {
      asked.push({ line: `${request.method} ${request.url} ${sent}`.trim(), headers: request.headers });
      response.writeHead(status, headers).end(body);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { asked, port: (server.address() as AddressInfo).port };
}

/** One check of the cluster's only host. */
async function once(cluster: Cluster): Promise<CheckResult | undefined> {
  const made = clusterFromXds(cluster, undefined, { clock: manualScheduler(), random: seededRandom(1) });
  const host = made.prioritySet.levels[0]?.hosts[0] as Host;
  return checkerFromXds(cluster)?.(host, new AbortController().signal);
}

function pathsOf(act: () => unknown): readonly string[] {
  try {
    act();
  } catch (error) {
    if (error instanceof LbError) return error.issues.map(({ path }) => path);
    throw error;
  }
  return [];
}

describe("checks by HTTP ask what Envoy 1.40 asks", () => {
  // What a server saw of it with the same configurations.
  test.each([
    { name: "plain", http: { path: "/x" }, line: "GET /x", headers: { host: "shop", "user-agent": "Envoy/HC" } },
    { name: "a host", http: { path: "/x", host: "cfg" }, line: "GET /x", headers: { host: "cfg" } },
    {
      name: "headers to add",
      http: {
        path: "/x",
        request_headers_to_add: [
          { header: { key: "x-a", value: "1" } },
          { header: { key: "x-a", value: "2" } },
          { header: { key: "user-agent", value: "me" }, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" },
        ],
      },
      line: "GET /x",
      headers: { "x-a": "1, 2", "user-agent": "me" },
    },
    {
      name: "headers to remove",
      http: { path: "/x", request_headers_to_remove: ["User-Agent"] },
      line: "GET /x",
      headers: { "user-agent": undefined },
    },
    {
      name: "a body",
      http: { path: "/x", method: "POST", send: { text: "70696E67" } },
      line: "POST /x ping",
      headers: {},
    },
  ])("$name", async ({ http, line, headers }) => {
    const { asked, port } = await httpServer();
    expect(await once(message({ http_health_check: http }, port))).toBe("ok");
    expect(asked[0]?.line).toBe(line);
    for (const [name, value] of Object.entries(headers)) expect(asked[0]?.headers[name]).toBe(value);
  });

  test("an endpoint says where and as whom it is checked", async () => {
    const other = await httpServer();
    const endpoint = { hostname: "name", health_check_config: { port_value: other.port, hostname: "hchost" } };
    const check = { http_health_check: { path: "/x", host: "cfg" }, alt_port: 1 };
    expect(await once(message(check, 1, {}, endpoint))).toBe("ok");
    expect(other.asked[0]?.headers.host).toBe("hchost");
  });

  test.each([
    { http: { expected_statuses: [{ start: 500, end: 600 }] }, status: 503, result: "ok" },
    { http: { retriable_statuses: [{ start: 500, end: 600 }] }, status: 503, result: "retriable" },
    { http: { receive: [{ text: "6162" }, { binary: "YWI=" }] }, body: "xabxab", result: "ok" },
    { http: { receive: [{ text: "6162" }, { text: "6162" }] }, body: "xabx", result: "fail" },
    { http: { receive: [{ text: "61" }], response_buffer_size: 1 }, body: "ba", result: "fail" },
    { http: { service_name_matcher: { exact: "SHOP", ignore_case: true } }, service: "shop", result: "ok" },
    { http: { service_name_matcher: { prefix: "SHOP" } }, service: "shop", result: "fail" },
    { http: { service_name_matcher: { suffix: "-1" } }, service: "shop-1", result: "ok" },
    { http: { service_name_matcher: { contains: "op" } }, service: "shop-1", result: "ok" },
  ])("$http with $status $body $service: $result", async ({ http, status, body, service, result }) => {
    const headers = service === undefined ? {} : { "x-envoy-upstream-healthchecked-cluster": service };
    const { port } = await httpServer(status, headers, body);
    expect(await once(message({ http_health_check: { path: "/", ...http } }, port))).toBe(result);
  });
});

describe("checks by TCP", () => {
  test("send and receive bytes in hexadecimal", async () => {
    const server = createTcpServer((socket) => socket.on("data", (data) => socket.end(`+${data}`)));
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const check = (text: string) => ({ tcp_health_check: { send: { text: "0aff" }, receive: [{ text }] } });
    // The byte 0xff is no text in UTF-8: what comes back of it is U+FFFD.
    expect(await once(message(check("2B0A"), port))).toBe("ok");
    expect(await once(message(check("2b0aff"), port))).toBe("network");
    expect(await once(message({ tcp_health_check: {} }, port))).toBe("ok");
  });
});

describe("refusals", () => {
  // Each was given to `envoy --mode validate`, which refuses it too.
  test.each([
    ["http_health_check.send", { http_health_check: { path: "/", send: { text: "00" } } }],
    ["http_health_check.receive[0].text", { http_health_check: { path: "/", receive: [{ text: "0g" }] } }],
    ["http_health_check.receive[0].text", { http_health_check: { path: "/", receive: [{ text: "000" }] } }],
    ["http_health_check.receive[0].text", { http_health_check: { path: "/", receive: [{ text: "" }] } }],
    [
      "http_health_check.receive",
      { http_health_check: { path: "/", receive: [{ text: "0000" }], response_buffer_size: 1 } },
    ],
    [
      "http_health_check.retriable_statuses[0]",
      { http_health_check: { path: "/", retriable_statuses: [{ start: 99, end: 200 }] } },
    ],
    [
      "http_health_check.request_headers_to_remove[0]",
      { http_health_check: { path: "/", request_headers_to_remove: [":path"] } },
    ],
    ["http_health_check.path", { http_health_check: {} }],
    ["http_health_check.method", { http_health_check: { path: "/", method: "CONNECT" } }],
    ["tcp_health_check.send.text", { tcp_health_check: { send: { text: "zz" } } }],
  ])("%s", (path, check) => {
    expect(pathsOf(() => optionsFromXds(message(check), undefined))).toEqual([`health_checks[0].${path}`]);
    expect(pathsOf(() => checkerFromXds(message(check)))).toEqual([`health_checks[0].${path}`]);
  });

  test("Envoy takes thresholds of 0, and a binary payload of nothing", () => {
    const check = { http_health_check: { path: "/", receive: [{ binary: "" }] }, healthy_threshold: 0 };
    expect(pathsOf(() => optionsFromXds(message({ ...check, unhealthy_threshold: 0 }), undefined))).toEqual([]);
  });

  test.each<[string, object, object?]>([
    ["health_checks[0]", { custom_health_check: { name: "envoy.health_checkers.redis" } }],
    ["health_checks[0].tls_options", { tcp_health_check: {}, tls_options: {} }],
    [
      "health_checks[0].http_health_check.codec_client_type",
      { http_health_check: { path: "/", codec_client_type: "HTTP2" } },
    ],
    [
      "health_checks[0].http_health_check.service_name_matcher",
      { http_health_check: { path: "/", service_name_matcher: { safe_regex: { regex: "a" } } } },
    ],
    [
      "health_checks[0].grpc_health_check.initial_metadata[0].header.value",
      { grpc_health_check: { initial_metadata: [{ header: { key: "a", value: "%HOSTNAME%" } }] } },
    ],
    ["health_checks[0].tcp_health_check.proxy_protocol_config", { tcp_health_check: { proxy_protocol_config: {} } }],
    ["transport_socket", { tcp_health_check: {} }, { transport_socket: { name: "tls" } }],
  ])("the checker says that it cannot do %s; the cluster may have another", (path, check, more) => {
    expect(pathsOf(() => checkerFromXds(message(check, 1, more)))).toEqual([path]);
    expect(pathsOf(() => optionsFromXds(message(check, 1, more), undefined))).toEqual([]);
  });

  test("without a health check there is no checker", () => {
    expect(checkerFromXds(Cluster.fromJson({ name: "shop" }))).toBeUndefined();
  });
});

describe("hosts", () => {
  test("one without checks is in use from the beginning, and is not asked", async () => {
    const scheduler = manualScheduler();
    const cluster = clusterFromXds(
      message({ tcp_health_check: {} }, 1, {}, { health_check_config: { disable_active_health_check: true } }),
      undefined,
      { clock: scheduler, random: seededRandom(1) },
    );
    expect(cluster.host("127.0.0.1:1")?.health).toBe("healthy");
    let asked = 0;
    const check = async (): Promise<CheckResult> => {
      asked += 1;
      return "fail";
    };
    const running = runHealthChecks(cluster, { check, scheduler });
    scheduler.advance(100_000);
    expect(asked).toBe(0);
    expect(cluster.stats()["health_check.healthy"]).toBe(0);
    const pick = cluster.pick();
    if (pick.kind === "host") pick.done({ result: "response", immediateHealthCheckFail: true });
    expect(cluster.host("127.0.0.1:1")?.health).toBe("healthy");
    // Another way to be checked makes it another host, as in Envoy.
    const assignment = ClusterLoadAssignment.fromJson({
      endpoints: [
        { lb_endpoints: [{ endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: 1 } } } }] },
      ],
    } as object);
    cluster.update({ replace: endpointsFromXds(assignment) });
    expect(cluster.host("127.0.0.1:1")?.health).toBe("unhealthy");
    scheduler.advance(200);
    scheduler.advance(0);
    expect(asked).toBe(1);
    running[Symbol.dispose]();
  });

  test("startCluster checks as the message says, until it is disposed", async () => {
    const { asked, port } = await httpServer();
    let cluster: ReturnType<typeof startCluster> | undefined;
    const event = await new Promise<LbEvent>((resolve) => {
      cluster = startCluster(message({ http_health_check: { path: "/healthz" } }, port), undefined, {
        onEvent: resolve,
      });
    });
    expect(event).toMatchObject({ action: "ADD_HEALTHY", firstCheck: true });
    expect(asked.map(({ line }) => line)).toEqual(["GET /healthz"]);
    expect(cluster?.pick().kind).toBe("host");
    cluster?.[Symbol.dispose]();
  });
});

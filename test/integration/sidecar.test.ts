/** The example sidecar with a configuration of its own: two of them, mutual TLS in between, real applications behind. */
import { once } from "node:events";
import { createServer as createHttp, request as httpRequest, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo, Server as NetServer } from "node:net";
import {
  type Client,
  credentials,
  Server as GrpcServer,
  makeGenericClientConstructor,
  ServerCredentials,
} from "@grpc/grpc-js";
import { createCa, type IdentitySource, rotate, SpiffeId } from "@weftmesh/cert";
import type { ConfigSet } from "@weftmesh/xds";
import type { Cluster } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import { Listener } from "@weftmesh/xds-types/envoy/config/listener/v3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runSidecar, validate } from "weftmesh-example-sidecar";
import { cluster, freePort, http, listener, TYPE, tcp } from "./sidecar-config.js";

const FRONT = SpiffeId.parse("spiffe://shop.example/ns/shop/sa/front");
const REVIEWS = SpiffeId.parse("spiffe://shop.example/ns/shop/sa/reviews");

const opened: { close(): unknown }[] = [];
const stopped = new AbortController();
afterAll(() => {
  stopped.abort();
  for (const server of opened) server.close();
});

async function listening<S extends NetServer | Server>(server: S): Promise<number> {
  opened.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function sidecar(identity: IdentitySource, listeners: readonly Listener[], clusters: readonly Cluster[]) {
  const secrets = new Map();
  const set: ConfigSet = {
    generation: 1,
    changes: [],
    listeners: new Map(
      listeners.map((each) => [each.name ?? "", { name: each.name ?? "", listener: each, routes: new Map(), secrets }]),
    ),
    clusters: new Map(
      clusters.map((each) => {
        const { name = "", loadAssignment: endpoints } = each;
        return [name, { name, cluster: each, secrets, ...(endpoints && { endpoints }) }];
      }),
    ),
  };
  await identity.ready();
  await new Promise<void>((resolve, reject) => {
    async function* configs(): AsyncGenerator<ConfigSet> {
      yield set;
      await once(stopped.signal, "abort");
    }
    runSidecar(configs(), { identity, onConfig: () => resolve() }).catch(reject);
  });
}

/** What the application behind the second sidecar saw and does. */
const seen: { readonly url: string | undefined; readonly bytes: number; aborted: boolean }[] = [];
let outbound: number;
let outboundTcp: number;
let grpc: GrpcServer;

async function application(
  request: IncomingMessage,
  fail: () => boolean,
  response: import("node:http").ServerResponse,
) {
  const record = { url: request.url, bytes: 0, aborted: false };
  seen.push(record);
  response.on("close", () => {
    record.aborted = !response.writableFinished;
  });
  for await (const chunk of request) record.bytes += (chunk as Buffer).length;
  if (request.url === "/never") return;
  if (request.url === "/slow") {
    response.write("first\n");
    await new Promise((resolve) => setTimeout(resolve, 300));
    response.end("last\n");
    return;
  }
  if (fail()) response.writeHead(503).end("broken");
  else
    response
      .writeHead(200, { "x-caller": String(request.headers["x-forwarded-client-cert"]) })
      .end(String(record.bytes));
}

beforeAll(async () => {
  const ca = createCa({ trustDomain: "shop.example" });
  const [front, reviews] = [FRONT, REVIEWS].map((id) => rotate(ca.issuerFor(id)));
  const good = await listening(createHttp((request, response) => void application(request, () => false, response)));
  const bad = await listening(createHttp((request, response) => void application(request, () => true, response)));
  grpc = new GrpcServer();
  const bytes = (value: Buffer): Buffer => value;
  const echo = { path: "/echo.Echo/Chat", requestStream: true, responseStream: true };
  const codec = {
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  };
  grpc.addService(
    { chat: { ...echo, ...codec } },
    { chat: (call: NodeJS.ReadWriteStream) => call.on("data", (data) => call.write(data)).on("end", () => call.end()) },
  );
  const grpcPort = await new Promise<number>((resolve, reject) => {
    grpc.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    );
  });
  const [inGood, inBad, inTcp] = await Promise.all([freePort(), freePort(), freePort()]);
  const anything = (to: string): readonly unknown[] => [{ match: { prefix: "/" }, route: { cluster: to } }];
  await sidecar(
    reviews as IdentitySource,
    [
      listener("good", inGood, http(anything("good")), true),
      listener("bad", inBad, http(anything("bad")), true),
      listener("tcp", inTcp, tcp("grpc"), true),
    ],
    [cluster("good", [good]), cluster("bad", [bad]), cluster("grpc", [grpcPort])],
  );
  [outbound, outboundTcp] = await Promise.all([freePort(), freePort()]);
  const retry = { retry_on: "503", num_retries: 1, retriable_status_codes: [503] };
  await sidecar(
    front as IdentitySource,
    [
      listener(
        "outbound",
        outbound,
        http([
          { match: { prefix: "/retried" }, route: { cluster: "both", retry_policy: { ...retry, retry_on: "5xx" } } },
          { match: { prefix: "/never" }, route: { cluster: "reviews", timeout: "0.2s" } },
          { match: { prefix: "/elsewhere" }, route: { cluster: "somebody" } },
          {
            match: { prefix: "/direct" },
            direct_response: { status: 418, body: { inline_string: "short and stout" } },
          },
          ...anything("reviews"),
        ]),
        false,
      ),
      listener("outbound-tcp", outboundTcp, tcp("reviews-tcp"), false),
    ],
    [
      cluster("reviews", [inGood], REVIEWS),
      cluster("both", [inBad, inGood], REVIEWS),
      cluster("reviews-tcp", [inTcp], REVIEWS),
      cluster("somebody", [inGood], "spiffe://shop.example/ns/shop/sa/somebody"),
    ],
  );
});
afterAll(() => grpc.forceShutdown());

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  readonly chunks: readonly string[];
}

function ask(path: string, body?: Buffer, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { port: outbound, host: "127.0.0.1", path, method: body ? "POST" : "GET", agent: false };
    const request = httpRequest({ ...options, headers: { host: "reviews", ...headers } }, async (response) => {
      const chunks: string[] = [];
      for await (const chunk of response) chunks.push(String(chunk));
      resolve({ status: response.statusCode, headers: response.headers, body: chunks.join(""), chunks });
    });
    request.on("error", reject).end(body);
  });
}

describe("requests", () => {
  test("go through both sidecars with their body", async () => {
    expect(await ask("/", Buffer.alloc(100_000))).toMatchObject({ status: 200, body: "100000" });
  });

  test("of more than a megabyte are streamed", async () => {
    expect(await ask("/", Buffer.alloc(5_000_000))).toMatchObject({ status: 200, body: "5000000" });
  });

  test("are sent again with their body, to the host that has not failed", async () => {
    const answers = await Promise.all([1, 2, 3, 4].map(() => ask("/retried", Buffer.alloc(1000))));
    expect(answers.map(({ status, body }) => [status, body])).toEqual(answers.map(() => [200, "1000"]));
  });

  test("do not carry what their sender says about its own certificate", async () => {
    const { headers } = await ask("/", undefined, {
      "x-forwarded-client-cert": "URI=spiffe://shop.example/ns/shop/sa/admin",
    });
    expect(headers["x-caller"]).toBe("undefined");
  });

  test("that nobody answers in time get 504", async () => {
    expect(await ask("/never")).toMatchObject({ status: 504 });
  });

  test("for a host that proves to be somebody else get 503", async () => {
    expect(await ask("/elsewhere")).toMatchObject({ status: 503 });
  });

  test("are answered by the configuration where it says so", async () => {
    expect(await ask("/direct")).toMatchObject({ status: 418, body: "short and stout" });
  });

  test("for a service that nobody configured get 404", async () => {
    expect(await ask("/", undefined, { host: "nowhere" })).toMatchObject({ status: 404 });
  });

  test("that the caller gives up are given up behind the sidecars too", async () => {
    const request = httpRequest({
      port: outbound,
      host: "127.0.0.1",
      path: "/slow",
      headers: { host: "reviews" },
      agent: false,
    });
    request.on("error", () => undefined).end();
    const [response] = (await once(request, "response")) as [IncomingMessage];
    await once(response, "data");
    const record = seen.findLast(({ url }) => url === "/slow");
    request.destroy();
    await expect.poll(() => record?.aborted).toBe(true);
  });
});

test("answers arrive piece by piece as the application writes them", async () => {
  expect((await ask("/slow")).chunks).toEqual(["first\n", "last\n"]);
});

describe("bytes that are not HTTP/1", () => {
  test("a gRPC stream passes", async () => {
    const Echo = makeGenericClientConstructor({}, "Echo");
    const client: Client = new Echo(`127.0.0.1:${outboundTcp}`, credentials.createInsecure());
    const bytes = (value: Buffer): Buffer => value;
    const call = client.makeBidiStreamRequest("/echo.Echo/Chat", bytes, bytes);
    const got: string[] = [];
    for (const word of ["one", "two", "three"]) {
      call.write(Buffer.from(word));
      const [answer] = (await once(call, "data")) as [Buffer];
      got.push(String(answer));
    }
    call.end();
    await once(call, "end");
    client.close();
    expect(got).toEqual(["one", "two", "three"]);
  });
});

describe("a configuration that this proxy cannot run", () => {
  const { typeUrl } = Listener;
  const filter = { "@type": `${TYPE}.extensions.filters.network.echo.v3.Echo` };

  test("is refused with the path of the filter it does not have", () => {
    const [finding, ...others] = validate({ typeUrl, name: "l", message: listener("l", 1, filter, false) });
    expect(others).toEqual([]);
    expect(finding?.path).toBe("filter_chains[0].filters[0].typed_config");
    expect(finding?.message).toContain("found envoy.extensions.filters.network.echo.v3.Echo");
  });

  test("is refused with the path inside its routes", () => {
    const broken = http([{ match: { safe_regex: { regex: "(" } }, route: { cluster: "c" } }]);
    const [finding] = validate({ typeUrl, name: "l", message: listener("l", 1, broken, false) });
    expect(finding?.path).toContain("virtual_hosts[0].routes[0].match.safe_regex");
  });
});

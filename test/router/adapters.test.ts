/** Requests as real servers receive them, and the matchers for tests of one's own tables. */
import { createServer } from "node:http";
import * as http2 from "node:http2";
import { type AddressInfo, connect } from "node:net";
import {
  compileRoutes,
  fixedRandom,
  fromFetch,
  fromHttp2,
  fromIncomingMessage,
  type RouteRequest,
} from "@weftmesh/router";
import { routeMatchers, routeTestRequest, type TestRequest } from "@weftmesh/router/testing";
import { afterEach, describe, expect, test } from "vitest";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

const port = (server: { address(): AddressInfo | string | null }): number => (server.address() as AddressInfo).port;

/** What a server on the loopback address makes of what a client writes. */
async function received(write: string): Promise<RouteRequest> {
  return await new Promise((resolve, reject) => {
    const server = createServer((req, res) => {
      resolve(fromIncomingMessage(req));
      res.end();
    });
    const answer = (req: Parameters<typeof fromIncomingMessage>[0], socket: { destroy(): void }): void => {
      resolve(fromIncomingMessage(req));
      socket.destroy();
    };
    server.on("connect", answer);
    server.on("upgrade", answer);
    closing.push(() => server.close());
    server.listen(0, "127.0.0.1", () => {
      const socket = connect(port(server), "127.0.0.1", () => socket.write(write));
      socket.on("error", reject);
      closing.push(() => socket.destroy());
    });
  });
}

describe("node:http", () => {
  test("keeps order, repetition and bytes of the fields, and tells the connection", async () => {
    const request = await received(
      "GET /a%2Fb?c=1 HTTP/1.1\r\nHost: Shop.test:80\r\nX-A: 1\r\nx-b: \xe9\r\nX-A: 2\r\nConnection: close\r\n\r\n",
    );
    expect(request).toMatchObject({
      method: "GET",
      scheme: "http",
      authority: "Shop.test:80",
      path: "/a%2Fb?c=1",
      protocol: "HTTP/1.1",
    });
    expect(request.headers).toEqual([
      "x-a",
      "1",
      "x-b",
      "Ã©",
      "x-a",
      "2",
      "connection",
      "close",
      "x-forwarded-proto",
      "http",
    ]);
    expect(request.connection).toMatchObject({ sourceAddress: "127.0.0.1", destinationAddress: "127.0.0.1" });
    expect(request.connection?.sourcePort).toBeGreaterThan(0);
  });

  test("takes authority and path of an absolute target", async () => {
    const request = await received("GET http://in.target/x?y HTTP/1.1\r\nHost: in.field\r\nConnection: close\r\n\r\n");
    expect(request).toMatchObject({ authority: "in.target", path: "/x?y", scheme: "http", explicitScheme: true });
  });

  test("gives a CONNECT no path, and an OPTIONS * its own", async () => {
    const tunnel = await received("CONNECT shop.test:443 HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(tunnel).toMatchObject({ method: "CONNECT", authority: "shop.test:443", path: undefined });
    const options = await received("OPTIONS * HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    expect(options).toMatchObject({ method: "OPTIONS", path: "*" });
  });

  test("keeps what a proxy before said of the scheme", async () => {
    const request = await received(
      "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n",
    );
    expect(request.headers.filter((one) => one === "x-forwarded-proto")).toHaveLength(1);
    expect(request.headers).toContain("https");
  });
});

/** What an HTTP/2 server makes of a client's fields. */
async function overHttp2(fields: http2.OutgoingHttpHeaders): Promise<RouteRequest> {
  return await new Promise((resolve, reject) => {
    const server = http2.createServer({ settings: { enableConnectProtocol: true } });
    server.on("stream", (stream, headers) => {
      resolve(fromHttp2(headers, { socket: stream.session?.socket }));
      stream.respond({ ":status": 200 });
      stream.end();
    });
    closing.push(() => server.close());
    server.listen(0, "127.0.0.1", () => {
      const client = http2.connect(`http://127.0.0.1:${port(server)}`);
      client.on("error", reject);
      closing.push(() => client.destroy());
      client.on("remoteSettings", () => client.request(fields).end());
    });
  });
}

describe("node:http2", () => {
  test("keeps pseudo fields apart and every value of a field", async () => {
    const request = await overHttp2({
      ":method": "POST",
      ":path": "/p?q",
      ":authority": "shop.test",
      "x-a": ["1", "2"],
      cookie: ["a=b", "c=d"],
    });
    expect(request).toMatchObject({
      method: "POST",
      scheme: "http",
      authority: "shop.test",
      path: "/p?q",
      protocol: "HTTP/2",
      explicitScheme: true,
    });
    expect(request.headers.filter((_, i) => i % 2 === 0 && i >= 0)).not.toContain(":path");
    expect(request.headers.join("|")).toMatch(/x-a\|1(, |\|x-a\|)2/);
    expect(request.headers).toContain("x-forwarded-proto");
    expect(request.connection).toMatchObject({ sourceAddress: "127.0.0.1" });
  });

  test("an extended CONNECT is the upgrade that it stands for, as behind Envoy's codec", async () => {
    const request = await overHttp2({
      ":method": "CONNECT",
      ":protocol": "websocket",
      ":scheme": "http",
      ":path": "/chat",
      ":authority": "shop.test",
    });
    expect(request).toMatchObject({ method: "GET", path: "/chat" });
    expect(request.headers.join(" ")).toContain("upgrade websocket connection Upgrade");
  });

  test("a plain CONNECT has no path", async () => {
    expect(await overHttp2({ ":method": "CONNECT", ":authority": "shop.test:443" })).toMatchObject({
      method: "CONNECT",
      path: undefined,
      authority: "shop.test:443",
    });
  });
});

test("fetch: a Request as servers at the edge get it", () => {
  const headers = new Headers([
    ["x-a", "1"],
    ["x-a", "2"],
  ]);
  const request = fromFetch(new Request("https://shop.test:8443/x/../y?z#f", { method: "PUT", headers }), {
    sourceAddress: "10.0.0.1",
  });
  expect(request).toMatchObject({
    method: "PUT",
    scheme: "https",
    authority: "shop.test:8443",
    connection: { sourceAddress: "10.0.0.1" },
  });
  expect(request.path).toBe("/y?z");
  expect(request.headers).toEqual(["x-a", "1, 2", "x-forwarded-proto", "https"]);
});

test("one table, one answer, over every adapter", async () => {
  const table = compileRoutes({
    virtualHosts: [
      {
        name: "shop",
        domains: ["shop.test"],
        routes: [
          {
            match: { pathSeparatedPrefix: "/cart", headers: [{ name: "x-a", stringMatch: { exact: "1" } }] },
            route: { cluster: "cart" },
          },
        ],
      },
    ],
  });
  const requests = [
    await received("GET /cart/7 HTTP/1.1\r\nHost: shop.test\r\nX-A: 1\r\nConnection: close\r\n\r\n"),
    await overHttp2({ ":path": "/cart/7", ":authority": "shop.test", "x-a": "1" }),
    fromFetch(new Request("http://shop.test/cart/7", { headers: { "x-a": "1" } })),
  ];
  for (const request of requests) {
    expect(table.route(request, { random: fixedRandom(0), now: 0 })).toMatchObject({
      kind: "forward",
      cluster: "cart",
    });
  }
});

describe("@weftmesh/router/testing", () => {
  expect.extend(routeMatchers);
  const table = compileRoutes({
    virtualHosts: [
      {
        name: "shop",
        domains: ["shop"],
        routes: [
          {
            match: { path: "/cart", headers: [{ name: "x-canary", presentMatch: true }] },
            route: { cluster: "canary" },
          },
          {
            match: { path: "/cart" },
            route: {
              weightedClusters: {
                clusters: [
                  { name: "a", weight: 50 },
                  { name: "b", weight: 50 },
                ],
              },
            },
          },
          { match: { path: "/old" }, redirect: { pathRedirect: "/new" } },
          { match: { path: "/teapot" }, directResponse: { status: 418 } },
        ],
      },
    ],
  });
  const assert = (negated = false) => {
    const matchers = expect(table) as unknown as { readonly not: Matchers } & Matchers;
    return negated ? matchers.not : matchers;
  };
  interface Matchers {
    toRoute(request: TestRequest, expected: string): void;
  }

  test.each<[TestRequest, string]>([
    ["GET http://shop/cart", "a"],
    [{ url: "http://shop/cart", random: 70 }, "b"],
    [{ url: "http://shop/cart", headers: { "x-canary": "1" } }, "canary"],
    ["http://shop/old", "redirect http://shop/new"],
    ["POST http://shop/teapot", "status 418"],
    ["http://shop/none", "no route"],
    ["http://other/", "no route"],
  ])("%j comes to %s", (request, expected) => {
    assert().toRoute(request, expected);
    expect(() => assert(true).toRoute(request, expected)).toThrow(expected);
    expect(() => assert().toRoute(request, "elsewhere")).toThrow(
      /expected the request to come to elsewhere, got [\s\S]*=> /,
    );
  });

  test("gives the decision itself", () => {
    expect(routeTestRequest(table, "GET http://shop/old")).toMatchObject({ kind: "redirect", status: 301 });
  });
});

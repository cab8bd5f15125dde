/** What a request through `lbInterceptor` leaves behind, however it ends. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { PassThrough, Readable } from "node:stream";
import {
  type Cluster,
  type ClusterOptions,
  createCluster,
  type LbInterceptorOptions,
  lbInterceptor,
} from "@weftmesh/lb";
import { manualScheduler, seededRandom } from "@weftmesh/lb/testing";
import { Agent, type Dispatcher, request, upgrade } from "undici";
import { afterEach, describe, expect, test } from "vitest";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function backend(listener: RequestListener): Promise<{ address: string; server: Server }> {
  const server = createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

function setUp(hosts: readonly string[], retry: LbInterceptorOptions = {}, options: ClusterOptions = {}) {
  const failures: string[] = [];
  const cluster: Cluster = createCluster(
    {
      hosts,
      // Every failure is an event, and none ejects.
      outlierDetection: {
        consecutive5xx: 1,
        enforcingConsecutive5xx: 0,
        consecutiveGatewayFailure: 0,
        maxEjectionPercent: 100,
      },
      onEvent: (event) => failures.push(event.action),
      ...options,
    },
    { clock: manualScheduler(), random: seededRandom(1) },
  );
  const agent = new Agent();
  closers.push(() => agent.destroy());
  const dispatcher = agent.compose(lbInterceptor(cluster, retry));
  const left = () => {
    const { upstream_rq_active, upstream_rq_retry_active } = cluster.stats();
    return { active: upstream_rq_active, retries: upstream_rq_retry_active ?? 0, failures: failures.length };
  };
  return { cluster, agent, dispatcher, left };
}

function deferred<T>(): { promise: Promise<T>; resolve(value: T): void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

const NOTHING = { active: 0, retries: 0, failures: 0 };
const URL = "http://shop/";

/** A response whose body goes on until its connection closes. */
function endless(status: number, seen?: (response: ServerResponse) => void): RequestListener {
  return (_, response) => {
    response.writeHead(status).write("first");
    seen?.(response);
  };
}

describe("lbInterceptor leaves nothing behind, and blames no host", () => {
  test("for a request the caller gives up while the body comes", async () => {
    const { address } = await backend(endless(200));
    const { dispatcher, left } = setUp([address]);
    const giveUp = new AbortController();
    const { body } = await request(URL, { dispatcher, signal: giveUp.signal });
    expect(left()).toEqual({ ...NOTHING, active: 1 });
    giveUp.abort(new Error("enough of it"));
    await expect(body.text()).rejects.toThrow("enough of it");
    expect(left()).toEqual(NOTHING);
  });

  test("for a request the caller gives up before the response, with a reason of its own", async () => {
    const arrived = deferred<undefined>();
    const { address } = await backend(() => arrived.resolve(undefined));
    const { dispatcher, left } = setUp([address]);
    const giveUp = new AbortController();
    const sent = request(URL, { dispatcher, signal: giveUp.signal });
    await arrived.promise;
    giveUp.abort(new Error("not that long"));
    await expect(sent).rejects.toThrow("not that long");
    expect(left()).toEqual(NOTHING);
  });

  test("for a body that breaks while it is sent", async () => {
    const arrived = deferred<undefined>();
    const { address } = await backend((incoming) => {
      incoming.on("error", () => undefined).on("data", () => arrived.resolve(undefined));
    });
    const { dispatcher, left } = setUp([address]);
    const body = new PassThrough();
    body.write("some");
    const sent = request(URL, { dispatcher, method: "PUT", body });
    await arrived.promise;
    body.destroy(new Error("disk gone"));
    await expect(sent).rejects.toThrow("disk gone");
    expect(left()).toEqual(NOTHING);
  });

  test("for a handler that throws when the response starts", async () => {
    const { address } = await backend((_, response) => response.end("x"));
    const { dispatcher, left } = setUp([address]);
    const ended = deferred<Error>();
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart: () => undefined,
      onResponseStart: () => {
        throw new Error("cannot read that");
      },
      onResponseError: (_, error) => ended.resolve(error),
    };
    dispatcher.dispatch({ origin: URL, path: "/", method: "GET" }, handler);
    expect((await ended.promise).message).toBe("cannot read that");
    expect(left()).toEqual(NOTHING);
  });

  test("for a handler that throws when the request starts, which is not sent again", async () => {
    let requests = 0;
    const { address } = await backend((_, response) => {
      requests += 1;
      response.end();
    });
    const { dispatcher, left } = setUp([address]);
    const ended = deferred<Error>();
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart: () => {
        throw new Error("changed my mind");
      },
      onResponseError: (_, error) => ended.resolve(error),
    };
    dispatcher.dispatch({ origin: URL, path: "/", method: "GET" }, handler);
    expect((await ended.promise).message).toBe("changed my mind");
    expect({ requests, ...left() }).toEqual({ requests: 0, ...NOTHING });
  });

  test.each<{ name: string; options: LbInterceptorOptions; url: Partial<Dispatcher.RequestOptions>; says: string }>([
    {
      name: "a context that throws",
      options: {
        context() {
          throw new Error("no tenant");
        },
      },
      url: {},
      says: "no tenant",
    },
    { name: "headers undici refuses", options: {}, url: { headers: { "a b": "c" } }, says: "invalid header key" },
  ])("for $name: the error is the request's", async ({ options, url, says }) => {
    const { address } = await backend((_, response) => response.end());
    const { dispatcher, left } = setUp([address], options);
    await expect(request(URL, { dispatcher, ...url })).rejects.toThrow(says);
    expect(left()).toEqual(NOTHING);
  });

  test("for an origin that is none, which undici refuses in its own words", async () => {
    const { dispatcher, left } = setUp(["127.0.0.1:1"]);
    const ended = deferred<Error>();
    dispatcher.dispatch(
      { path: "/", method: "GET" },
      { onRequestStart: () => undefined, onResponseError: (_, error) => ended.resolve(error) },
    );
    expect(await ended.promise).toMatchObject({ code: "UND_ERR_INVALID_ARG" });
    expect(left()).toEqual(NOTHING);
  });

  test("when the agent is destroyed under a request", async () => {
    const arrived = deferred<undefined>();
    const { address } = await backend(() => arrived.resolve(undefined));
    const { agent, dispatcher, left } = setUp([address]);
    const sent = request(URL, { dispatcher });
    await arrived.promise;
    await Promise.all([expect(sent).rejects.toMatchObject({ code: "UND_ERR_DESTROYED" }), agent.destroy()]);
    expect(left()).toEqual(NOTHING);
  });

  test("when the agent is closed: what is under way ends well, what comes later is refused", async () => {
    const arrived = deferred<ServerResponse>();
    const { address } = await backend((_, response) => arrived.resolve(response));
    const { agent, dispatcher, left } = setUp([address]);
    const sent = request(URL, { dispatcher });
    const response = await arrived.promise;
    const closed = agent.close();
    await expect(request(URL, { dispatcher })).rejects.toMatchObject({ code: "UND_ERR_CLOSED" });
    response.end("late");
    expect(await (await sent).body.text()).toBe("late");
    await closed;
    expect(left()).toEqual(NOTHING);
  });
});

describe("lbInterceptor", () => {
  test("a 503 that never ends is left for another host at once", async () => {
    const stuck: ServerResponse[] = [];
    const bad = await backend(endless(503, (response) => void stuck.push(response)));
    const good = await backend((_, response) => response.end("good"));
    const { dispatcher, left } = setUp([bad.address, good.address], { retries: 1 });
    for (let i = 0; i < 2; i++) expect(await (await request(URL, { dispatcher })).body.text()).toBe("good");
    expect(stuck.length).toBeGreaterThan(0);
    expect(left()).toEqual({ active: stuck.length, retries: 0, failures: stuck.length });
    // No connection outlives its time.
    await expect.poll(() => stuck.every((response) => response.destroyed), { timeout: 5000 }).toBe(true);
    await expect.poll(() => left().active).toBe(0);
    expect(left().failures).toBe(stuck.length);
  });

  test("a connection that became something else holds its host until it closes", async () => {
    const { address, server } = await backend((_, response) => response.end());
    server.on("upgrade", (_, socket) => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n");
      socket.pipe(socket);
    });
    const { dispatcher, left } = setUp([address]);
    const { socket } = await upgrade(URL, { dispatcher, protocol: "echo" });
    socket.write("ping");
    expect(String((await once(socket, "data"))[0])).toBe("ping");
    expect(left()).toEqual({ ...NOTHING, active: 1 });
    socket.end();
    await once(socket, "close");
    expect(left()).toEqual(NOTHING);
  });

  test("the retry budget is that of the request's priority", async () => {
    const { address } = await backend((_, response) => response.writeHead(503).end());
    const limits = { circuitBreakers: [{ priority: "HIGH" as const, maxRetries: 0 }] };
    for (const [routingPriority, expected] of [
      ["DEFAULT", 2],
      ["HIGH", 1],
    ] as const) {
      const { dispatcher, left } = setUp([address], { context: () => ({ routingPriority }) }, limits);
      await (await request(URL, { dispatcher })).body.dump();
      expect(left()).toMatchObject({ active: 0, retries: 0, failures: expected });
    }
  });

  test.each<{ name: string; method: Dispatcher.HttpMethod; listener: RequestListener; expected: object }>([
    {
      name: "a response without a body to HEAD",
      method: "HEAD",
      listener: (_, response) => response.writeHead(200, { "content-length": "9" }).end(),
      expected: { statusCode: 200, text: "", trailers: {} },
    },
    {
      name: "204",
      method: "GET",
      listener: (_, response) => response.writeHead(204).end(),
      expected: { statusCode: 204, text: "", trailers: {} },
    },
    {
      name: "trailers",
      method: "GET",
      listener: (_, response) => {
        response.writeHead(200, { trailer: "x-sum" }).write("body");
        response.addTrailers({ "x-sum": "7" });
        response.end();
      },
      expected: { statusCode: 200, text: "body", trailers: { "x-sum": "7" } },
    },
    {
      name: "a response after 103",
      method: "GET",
      listener: (_, response) => {
        response.writeEarlyHints({ link: "</a>; rel=preload" });
        response.end("late");
      },
      expected: { statusCode: 200, text: "late", trailers: {} },
    },
  ])("$name comes through", async ({ method, listener, expected }) => {
    const { address } = await backend(listener);
    const { dispatcher, left } = setUp([address]);
    const { statusCode, body, trailers } = await request(URL, { dispatcher, method });
    expect({ statusCode, text: await body.text(), trailers: { ...trailers } }).toEqual(expected);
    expect(left()).toEqual(NOTHING);
  });

  test("a stream is sent once and its failure is the caller's", async () => {
    const seen: IncomingMessage[] = [];
    const { address } = await backend(async (incoming, response) => {
      seen.push(incoming);
      for await (const _ of incoming);
      response.writeHead(503).end();
    });
    const { dispatcher, left } = setUp([address], { retries: 3 });
    const { statusCode, body } = await request(URL, { dispatcher, method: "PUT", body: Readable.from(["a", "b"]) });
    await body.dump();
    expect({ statusCode, requests: seen.length }).toEqual({ statusCode: 503, requests: 1 });
    expect(left()).toEqual({ ...NOTHING, failures: 1 });
  });

  test("a host that is removed under its requests lets them end", async () => {
    const responses: ServerResponse[] = [];
    const { address } = await backend((_, response) => void responses.push(response));
    const { cluster, dispatcher, left } = setUp([address]);
    const sent = [1, 2, 3].map(() => request(URL, { dispatcher }));
    await expect.poll(() => responses.length).toBe(3);
    cluster.update({ remove: [address] });
    for (const response of responses) response.end("whole");
    for (const each of sent) expect(await (await each).body.text()).toBe("whole");
    expect(left()).toEqual(NOTHING);
    await expect(request(URL, { dispatcher })).rejects.toMatchObject({ code: "ERR_LB_NO_HOST" });
  });

  test("a hundred requests at once over connections that pipeline", async () => {
    const { address } = await backend((incoming, response) => response.end(incoming.url));
    const cluster = createCluster({ hosts: [address] }, { clock: manualScheduler(), random: seededRandom(1) });
    const agent = new Agent({ connections: 2, pipelining: 10 });
    closers.push(() => agent.destroy());
    const dispatcher = agent.compose(lbInterceptor(cluster));
    const paths = Array.from({ length: 100 }, (_, index) => `/${index}`);
    const texts = await Promise.all(
      paths.map(async (path) => (await request(`http://shop${path}`, { dispatcher })).body.text()),
    );
    expect(texts).toEqual(paths);
    expect(cluster.stats()["upstream_rq_active"]).toBe(0);
  });

  test("says at once what is wrong with its options", () => {
    const cluster = createCluster({}, { clock: manualScheduler(), random: seededRandom(1) });
    const options = { retries: Number.NaN, retryStatuses: 503, retryMethods: "GET", context: {} };
    expect(() => lbInterceptor(cluster, options as never)).toThrow(
      expect.objectContaining({
        code: "ERR_LB_CONFIG_INVALID",
        issues: ["retries", "retryStatuses", "retryMethods", "context"].map((path) =>
          expect.objectContaining({ path }),
        ),
      }),
    );
  });
});

import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createNet, type Server as NetServer } from "node:net";
import { PassThrough } from "node:stream";
import { type AttemptResult, type ForwardRoute, startCluster, type Tried, undiciForward } from "@weftmesh/lb";
import { Agent } from "undici";
import { afterEach, describe, expect, test } from "vitest";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function listening<S extends Server | NetServer>(server: S): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    if ("closeAllConnections" in server) server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function cluster(...addresses: readonly string[]) {
  const lbEndpoints = addresses.map((each) => {
    const [address = "", port] = each.split(":");
    return { hostIdentifier: {}, endpoint: { address: { socketAddress: { address, portValue: Number(port) } } } };
  });
  const made = startCluster({ name: "shop", loadAssignment: { clusterName: "shop", endpoints: [{ lbEndpoints }] } });
  closers.push(() => made[Symbol.dispose]());
  return made;
}

/** A proxy in front of hosts; tells what each request came to. */
async function proxy(addresses: readonly string[], route: Partial<ForwardRoute> = {}) {
  const lb = cluster(...addresses);
  const agent = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
  closers.push(() => agent.destroy());
  const tried: Promise<Tried<AttemptResult>>[] = [];
  const server = createServer((incoming: IncomingMessage, response: ServerResponse) => {
    const headers = ["x-a", "1", "transfer-encoding", "chunked", "x-a", "2"];
    const sent = { method: "GET", path: incoming.url, authority: "shop", headers };
    const forwarded = undiciForward(lb, agent, { request: () => sent, ...route }, { client: response });
    tried.push(forwarded);
    void forwarded.then(
      (end) => {
        const reset = end.kind === "none" ? end.reason : end.result.kind === "reset" ? end.result.reason : undefined;
        if (reset !== undefined && !response.headersSent) response.writeHead(503).end(reset);
      },
      () => response.destroy(),
    );
  });
  const address = await listening(server);
  const get = async (signal?: AbortSignal) => {
    const asked = request(`http://${address}/p?q`, { agent: false, ...(signal && { signal }) }).end();
    const [answer] = (await once(asked, "response")) as [IncomingMessage];
    return { status: answer.statusCode, headers: answer.headers, text: (await answer.toArray()).join("") };
  };
  const active = () => lb.stats()["upstream_rq_active"];
  return { tried, get, active };
}

/** A host that answers with these bytes, whatever it is asked. */
function saying(bytes: string): Promise<string> {
  return listening(createNet((socket) => socket.on("error", () => undefined).on("data", () => socket.write(bytes))));
}

describe("undiciForward", () => {
  test("sends the request without the fields of the connection, and streams the response back", async () => {
    const seen: IncomingMessage[] = [];
    const host = await listening(
      createServer((incoming, response) => {
        seen.push(incoming);
        response.writeHead(201, { "Set-Cookie": ["a=1", "b=2"], "keep-alive": "timeout=5" });
        response.write("one ");
        response.end("two");
      }),
    );
    const { get, tried, active } = await proxy([host]);
    const { status, headers, text } = await get();
    expect({ status, text, cookies: headers["set-cookie"] }).toEqual({
      status: 201,
      text: "one two",
      cookies: ["a=1", "b=2"],
    });
    expect(seen[0]?.url).toBe("/p?q");
    expect(seen[0]?.headers).toMatchObject({ host: "shop", "x-a": "1, 2" });
    expect(seen[0]?.headers["transfer-encoding"]).toBeUndefined();
    expect(await tried[0]).toMatchObject({ kind: "result", attempts: 1, result: { kind: "response", status: 201 } });
    expect(active()).toBe(0);
  });

  test("a retry goes elsewhere and the first answer is thrown away", async () => {
    const bad = await listening(createServer((_, response) => response.writeHead(503).end("broken")));
    const good = await listening(createServer((_, response) => response.end("fine")));
    const { get } = await proxy([bad, good], {
      retry: (result, attempt) => ({ retry: attempt === 1 && result.kind === "response" && result.status === 503 }),
    });
    for (let i = 0; i < 4; i++) expect(await get()).toMatchObject({ status: 200, text: "fine" });
  });

  test("a host that is not there is a connect failure, and nothing was sent", async () => {
    const { get, tried } = await proxy(["127.0.0.1:1"]);
    expect(await get()).toMatchObject({ status: 503, text: "connect-failure" });
    expect(await tried[0]).toMatchObject({ result: { reason: "connect-failure", sent: false } });
  });

  test("a connection that breaks before the answer is a termination, and may have been served", async () => {
    const host = await listening(createServer((incoming) => incoming.socket.destroy()));
    const { get, tried } = await proxy([host]);
    expect(await get()).toMatchObject({ status: 503, text: "connection-termination" });
    expect(await tried[0]).toMatchObject({ result: { sent: true } });
  });

  test("an answer that breaks off is broken for the client as well", async () => {
    const host = await listening(
      createServer((incoming, response) => {
        response.writeHead(200, { "content-length": "100" });
        response.write("half", () => incoming.socket.destroy());
      }),
    );
    const { get } = await proxy([host]);
    await expect(get()).rejects.toThrow();
  });

  test("time is limited", async () => {
    const host = await listening(createServer(() => undefined));
    for (const timeouts of [
      { requestMs: 20, perTryMs: 0 },
      { requestMs: 0, perTryMs: 20 },
    ]) {
      const { get, active } = await proxy([host], { timeouts });
      expect(await get()).toMatchObject({ status: 503, text: "per-try-timeout" });
      expect(active()).toBe(0);
    }
  });

  test("a time limit beyond what timers count is none", async () => {
    const { get } = await proxy([await saying("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")], {
      timeouts: { requestMs: 30 * 86_400_000, perTryMs: 30 * 86_400_000 },
    });
    expect(await get()).toMatchObject({ status: 200, text: "ok" });
  });

  test("the limit of an attempt does not cut a response that has begun", async () => {
    const begun: ServerResponse[] = [];
    const host = await listening(
      createServer((_, response) => {
        response.write("begun ");
        begun.push(response);
      }),
    );
    // The response ends when the limit of the attempt is over, which a timer of the same length set later shows.
    const { get } = await proxy([host], {
      timeouts: { requestMs: 0, perTryMs: 400 },
      response(_, headers) {
        setTimeout(() => begun[0]?.end("and ended"), 401);
        return headers;
      },
    });
    expect(await get()).toMatchObject({ status: 200, text: "begun and ended" });
  });

  test("statuses without a body end with their fields, whatever length they speak of", async () => {
    const { get } = await proxy([await saying("HTTP/1.1 304 Not Modified\r\netag: x\r\ncontent-length: 2\r\n\r\n")]);
    expect(await get()).toMatchObject({ status: 304, headers: { etag: "x" }, text: "" });
  });

  test("a trailer field is the connection's", async () => {
    const host = await saying("HTTP/1.1 200 OK\r\ntrailer: x-t\r\ncontent-length: 2\r\n\r\nok");
    const { get } = await proxy([host]);
    expect(await get()).toMatchObject({ status: 200, text: "ok" });
  });

  test("a refused answer whose body stalls loses its connection", async () => {
    const closed: Promise<unknown>[] = [];
    const stalls = await listening(
      createNet((socket) => {
        socket.on("error", () => undefined);
        socket.once("data", () => socket.write("HTTP/1.1 503 Busy\r\ncontent-length: 20\r\n\r\nno"));
        closed.push(once(socket, "close"));
      }),
    );
    const good = await saying("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    const { get } = await proxy([stalls, good], {
      retry: (result) => ({ retry: "status" in result && result.status === 503 }),
    });
    for (let i = 0; i < 2; i++) expect(await get()).toMatchObject({ status: 200, text: "ok" });
    await Promise.all(closed);
    expect(closed.length).toBeGreaterThan(0);
  });

  test("a client that left while a retry waits starts none", async () => {
    const asked: unknown[] = [];
    const host = await listening(createServer((_, response) => response.writeHead(503).end(String(asked.push(1)))));
    const gone = new AbortController();
    const { get, tried, active } = await proxy([host], {
      retry(_, attempt) {
        gone.abort();
        return { retry: attempt === 1, delayMs: 50 };
      },
    });
    await expect(get(gone.signal)).rejects.toThrow();
    expect(await tried[0]).toMatchObject({ kind: "result", result: { kind: "reset", reason: "local-reset" } });
    expect(asked).toHaveLength(1);
    expect(active()).toBe(0);
  });

  test("what the route throws comes out, and nothing is held", async () => {
    const host = await listening(createServer((_, response) => response.end("x")));
    const { get, tried, active } = await proxy([host], {
      response: () => {
        throw new Error("a bug in the route");
      },
    });
    await expect(get()).rejects.toThrow();
    await expect(tried[0]).rejects.toThrow("a bug in the route");
    expect(active()).toBe(0);
  });

  test("a client that goes away ends the request at the host", async () => {
    const server = createServer(() => undefined);
    const arrived = once(server, "request") as Promise<[IncomingMessage]>;
    const host = await listening(server);
    const { get, tried } = await proxy([host]);
    const gone = new AbortController();
    const asked = get(gone.signal).catch(() => "gone");
    const [incoming] = await arrived;
    const closed = once(incoming.socket, "close");
    gone.abort();
    await closed;
    expect(await asked).toBe("gone");
    expect(await tried[0]).toMatchObject({ result: { kind: "reset", reason: "local-reset" } });
  });

  test("without a client the answer is thrown away", async () => {
    const host = await listening(createServer((_, response) => response.end("x".repeat(100_000))));
    const agent = new Agent();
    closers.push(() => agent.destroy());
    const sent = { method: "GET", path: "/", authority: "shop", headers: [] };
    const tried = await undiciForward(cluster(host), agent, { request: () => sent });
    expect(tried).toMatchObject({ kind: "result", result: { kind: "response", status: 200 } });
  });
});

describe("what undici and the client do counts against no host", () => {
  const sent = { method: "GET", path: "/", authority: "shop", headers: [] as string[] };

  test.each<{ name: string; request: Partial<typeof sent>; close?: "close" | "destroy" }>([
    { name: "a field that undici refuses", request: { headers: ["a b", "c"] } },
    { name: "a path that undici refuses", request: { path: "no path" } },
    { name: "an agent that is closed", request: {}, close: "close" },
    { name: "an agent that is destroyed", request: {}, close: "destroy" },
  ])("$name", async ({ request: changes, close }) => {
    const lb = cluster(await listening(createServer((_, response) => response.end())));
    const agent = new Agent();
    closers.push(() => agent.destroy());
    if (close) await agent[close]();
    const tried = await undiciForward(lb, agent, { request: () => ({ ...sent, ...changes }) });
    expect(tried).toMatchObject({ kind: "result", result: { kind: "reset", reason: "local-reset", sent: false } });
    expect(lb.stats()["upstream_rq_active"]).toBe(0);
  });

  test("a body that breaks on its way", async () => {
    const arrived: IncomingMessage[] = [];
    const lb = cluster(
      await listening(
        createServer((incoming) => void incoming.on("error", () => undefined).on("data", () => arrived.push(incoming))),
      ),
    );
    const agent = new Agent();
    closers.push(() => agent.destroy());
    const body = new PassThrough();
    body.write("some");
    const tried = undiciForward(lb, agent, { request: () => ({ ...sent, method: "PUT" }) }, { body });
    await expect.poll(() => arrived.length).toBeGreaterThan(0);
    body.destroy(new Error("client gone"));
    expect(await tried).toMatchObject({ result: { kind: "reset", reason: "local-reset", sent: true } });
  });
});

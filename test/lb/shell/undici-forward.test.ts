import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect, createServer as createNet, type Server as NetServer } from "node:net";
import {
  type AttemptRequest,
  type AttemptResult,
  type ForwardOptions,
  startCluster,
  type TcpUpstream,
  type Tried,
  tcpProxy,
  undiciForward,
} from "@weftmesh/lb";
import { Agent, buildConnector, request as undiciRequest } from "undici";
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
async function proxy(addresses: readonly string[], options: ForwardOptions = {}, more: Partial<AttemptRequest> = {}) {
  const lb = cluster(...addresses);
  const agent = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
  closers.push(() => agent.destroy());
  const tried: Promise<Tried<AttemptResult>>[] = [];
  const address = await listening(
    createServer((incoming: IncomingMessage, response: ServerResponse) => {
      const headers = ["x-a", "1", "transfer-encoding", "chunked", "x-a", "2"];
      const request = { method: "GET", path: incoming.url, authority: "shop", headers, ...more };
      const forwarded = undiciForward(lb, agent, () => request, {
        client: response,
        respond: (answer) => response.writeHead(answer.status, [...answer.headers]),
        ...options,
      });
      tried.push(forwarded);
      void forwarded.then((end) => {
        const reset = end.kind === "none" ? end.reason : end.result.kind === "reset" ? end.result.reason : undefined;
        if (reset !== undefined && !response.headersSent) response.writeHead(503).end(reset);
      });
    }),
  );
  const get = async (signal?: AbortSignal) => {
    const answer = await undiciRequest(`http://${address}/p?q`, { ...(signal && { signal }) });
    return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
  };
  return { lb, tried, get };
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
    const { get, tried, lb } = await proxy([host]);
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
    expect(lb.stats()["upstream_rq_active"]).toBe(0);
  });

  test("a retry goes elsewhere and the first answer is thrown away", async () => {
    const bad = await listening(createServer((_, response) => response.writeHead(503).end("broken")));
    const good = await listening(createServer((_, response) => response.end("fine")));
    const { get } = await proxy([bad, good], {
      retryDelayMs: (result, attempt) =>
        attempt === 1 && result.kind === "response" && result.status === 503 ? 0 : undefined,
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
    const { get, lb } = await proxy([host], { limitMs: () => 20 });
    expect(await get()).toMatchObject({ status: 503, text: "per-try-timeout" });
    expect(lb.stats()["upstream_rq_active"]).toBe(0);
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
    const request = { method: "GET", path: "/", authority: "shop", headers: [] };
    const tried = await undiciForward(cluster(host), agent, () => request);
    expect(tried).toMatchObject({ kind: "result", result: { kind: "response", status: 200 } });
  });
});

describe("tcpProxy", () => {
  const plain = buildConnector({ timeout: 1000 }) as TcpUpstream["connect"];

  async function through(lb: TcpUpstream["lb"] | undefined): Promise<string> {
    const address = await listening(
      createNet({ allowHalfOpen: true }, (socket) => tcpProxy(lb && { lb, connect: plain }, socket)),
    );
    const client = connect(Number(address.split(":")[1]), "127.0.0.1");
    client.on("error", () => undefined).end("hello");
    let text = "";
    for await (const chunk of client) text += chunk;
    return text;
  }

  test("passes bytes both ways and gives the pick back", async () => {
    const lb = cluster(
      await listening(
        createNet({ allowHalfOpen: true }, (socket) =>
          socket.on("data", (data) => socket.end(String(data).toUpperCase())),
        ),
      ),
    );
    expect(await through(lb)).toBe("HELLO");
    expect(lb.stats()["upstream_rq_active"]).toBe(0);
  });

  test("closes the connection if nobody answers, or there is no cluster", async () => {
    expect(await through(cluster("127.0.0.1:1"))).toBe("");
    expect(await through(undefined)).toBe("");
  });
});

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { type Cluster, type ClusterOptions, createCluster, type TcpUpstream, tcpProxy } from "@weftmesh/lb";
import { manualScheduler, seededRandom } from "@weftmesh/lb/testing";
import { buildConnector } from "undici";
import { afterEach, describe, expect, test } from "vitest";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function listening(server: Server, host = "127.0.0.1"): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => sockets.add(socket));
  server.listen(0, host);
  await once(server, "listening");
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A host that answers in capitals. */
function shouting(): Server {
  return createServer({ allowHalfOpen: true }, (socket) =>
    socket.on("data", (data) => socket.end(String(data).toUpperCase())),
  );
}

function clusterOf(hosts: readonly string[], options: ClusterOptions = {}): Cluster {
  return createCluster({ hosts, ...options }, { clock: manualScheduler(), random: seededRandom(1) });
}

const plain = buildConnector({ timeout: 1000 }) as TcpUpstream["connect"];

/** A proxy; gives the way to it. */
async function proxy(lb: Cluster | undefined, connector: TcpUpstream["connect"] = plain): Promise<() => Socket> {
  const port = await listening(
    createServer({ allowHalfOpen: true }, (socket) => tcpProxy(lb && { lb, connect: connector }, socket)),
  );
  return () => connect(port, "127.0.0.1").on("error", () => undefined);
}

/** What comes back until the connection is closed, one way or another. */
async function answer(client: Socket): Promise<string> {
  let text = "";
  client.on("data", (chunk) => {
    text += chunk;
  });
  client.end("hello");
  await new Promise((resolve) => client.once("close", resolve));
  return text;
}

describe("tcpProxy", () => {
  test("passes bytes both ways and gives the pick back", async () => {
    const lb = clusterOf([`127.0.0.1:${await listening(shouting())}`]);
    const open = await proxy(lb);
    expect(await answer(open())).toBe("HELLO");
    expect(lb.stats()["upstream_rq_active"]).toBe(0);
  });

  test("finds a host by its IPv6 address", async () => {
    const lb = clusterOf([`[::1]:${await listening(shouting(), "::1")}`]);
    expect(await answer((await proxy(lb))())).toBe("HELLO");
  });

  test.each([
    { name: "nobody answers", lb: clusterOf(["127.0.0.1:1"]) },
    { name: "there is no cluster", lb: undefined },
    { name: "there is no host", lb: clusterOf([]) },
    { name: "the host's address leads nowhere", lb: clusterOf(["not an address"]) },
    {
      name: "the cluster has its connections",
      lb: clusterOf(["127.0.0.1:1"], { circuitBreakers: [{ maxConnections: 0 }] }),
    },
  ])("closes the connection if $name", async ({ lb }) => {
    expect(await answer((await proxy(lb))())).toBe("");
    if (lb) expect(lb.stats()["upstream_rq_active"]).toBe(0);
  });

  test("counts its connections, and gives them back", async () => {
    const lb = clusterOf([`127.0.0.1:${await listening(createServer(() => undefined))}`], {
      circuitBreakers: [{ maxConnections: 1 }],
    });
    const open = await proxy(lb);
    const first = open();
    await expect.poll(() => lb.stats()["upstream_rq_active"]).toBe(1);
    expect(await answer(open())).toBe("");
    first.destroy();
    await expect.poll(() => lb.admit("connection")).toBeDefined();
  });

  test("a client that breaks off before the host has answered ends nothing but its connection", async () => {
    const lb = clusterOf(["127.0.0.1:1"]);
    const asked: Parameters<TcpUpstream["connect"]>[1][] = [];
    const open = await proxy(lb, (_, callback) => void asked.push(callback));
    const client = open();
    await expect.poll(() => asked.length).toBe(1);
    client.resetAndDestroy();
    const port = await listening(createServer(() => undefined));
    const peer = connect(port, "127.0.0.1");
    await once(peer, "connect");
    asked[0]?.(null, peer);
    await expect.poll(() => peer.destroyed).toBe(true);
    await expect.poll(() => lb.stats()["upstream_rq_active"]).toBe(0);
  });

  test("a connector that throws closes the connection", async () => {
    const lb = clusterOf(["127.0.0.1:1"]);
    const open = await proxy(lb, () => {
      throw new Error("no certificate");
    });
    expect(await answer(open())).toBe("");
    expect(lb.stats()["upstream_rq_active"]).toBe(0);
  });
});

import { afterEach, describe, expect, test, vi } from "vitest";
import type { ResourceType } from "../../../packages/xds/src/resource.js";
import { createClient } from "../../../packages/xds/src/shell/client.js";
import { createServer } from "../../../packages/xds/src/shell/server.js";
import { snapshotCache } from "../../../packages/xds/src/snapshot-cache.js";
import type { ClientEvent, XdsClient } from "../../../packages/xds/src/xds-client.js";
import type { ServerEvent } from "../../../packages/xds/src/xds-server.js";
import { opaque, plainDigest, T } from "../opaque.js";

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

function textType(typeUrl: string): ResourceType<string> {
  return {
    typeUrl,
    decode: (bytes) => new TextDecoder().decode(bytes).slice(2),
    check: (text) => (text.endsWith("bad") ? [{ path: "content", message: "it is bad" }] : []),
  };
}

async function start(node: string, variant: "sotw" | "delta") {
  const cache = snapshotCache({
    nodeKey: ({ id }) => id,
    encode: () => {
      throw new Error("only encoded resources here");
    },
    digest: plainDigest,
  });
  const served: ServerEvent[] = [];
  const server = createServer({ cache, onEvent: (event) => served.push(event) });
  open.push(server);
  const port = await server.listen("127.0.0.1:0");
  const events: ClientEvent[] = [];
  const client: XdsClient = createClient({
    bootstrap: { servers: [{ uri: `127.0.0.1:${port}`, variant }], node: { id: node } },
    onEvent: (event) => events.push(event),
  });
  open.push(client);
  return { cache, server, port, client, served, events };
}

describe.each([{ variant: "sotw" }, { variant: "delta" }] as const)("over grpc-js, $variant", ({ variant }) => {
  test("a watch sees the first state, changes and removals", async () => {
    const { cache, client } = await start("n1", variant);
    cache.set("n1", [opaque(T.CDS, "a"), opaque(T.CDS, "b")]);
    const updates = client.watch(textType(T.CDS), ["*"])[Symbol.asyncIterator]();
    const first = await updates.next();
    expect([...first.value.resources.keys()]).toEqual(["a", "b"]);
    cache.set("n1", [opaque(T.CDS, "a", "2")]);
    const second = await updates.next();
    expect(second.value).toMatchObject({ updated: ["a"], removed: ["b"] });
    await updates.return?.();
  });

  test("a refused resource is reported on both sides with resource, field and reason; the others are used", async () => {
    const { cache, client, server, served, events } = await start("n2", variant);
    cache.set("n2", [opaque(T.CDS, "good"), opaque(T.CDS, "broken", "bad")]);
    const updates = client.watch(textType(T.CDS), ["*"])[Symbol.asyncIterator]();
    const first = await updates.next();
    expect([...first.value.resources.keys()]).toEqual(["good"]);
    expect(first.value.errors.get("broken")).toMatchObject({ kind: "rejected" });
    const reasons = [{ resource: "broken", field: "content", reason: "it is bad" }];
    await vi.waitFor(() => expect(served).toContainEqual(expect.objectContaining({ kind: "nack" })));
    expect(served.find(({ kind }) => kind === "nack")).toMatchObject({ nack: { node: { id: "n2" }, reasons } });
    expect(events.find(({ kind }) => kind === "nack")).toMatchObject({ nack: { reasons } });
    expect(server.clients()).toMatchObject([{ node: { id: "n2" }, types: [{ typeUrl: T.CDS, nack: { reasons } }] }]);
  });

  test("V8: a full set and a list of names beyond gRPC's 4 MiB are taken", { timeout: 20_000 }, async () => {
    const { cache, client } = await start("n4", variant);
    cache.set("n4", [opaque(T.CDS, "large", "x".repeat(5 << 20)), opaque(T.EDS, "last")]);
    const clusters = client.watch(textType(T.CDS), ["*"])[Symbol.asyncIterator]();
    expect((await clusters.next()).value.resources.get("large").length).toBeGreaterThan(5 << 20);
    const names = Array.from({ length: 2500 }, (_, index) => String(index).padStart(2000, "n"));
    const endpoints = client.watch(textType(T.EDS), [...names, "last"])[Symbol.asyncIterator]();
    expect([...(await endpoints.next()).value.resources.keys()]).toEqual(["last"]);
  });

  test("a client that finds the server again is sent only what changed", async () => {
    const { cache, client, server, port, served } = await start("n3", variant);
    cache.set("n3", [opaque(T.EDS, "a"), opaque(T.EDS, "b")]);
    const updates = client.watch(textType(T.EDS), ["a", "b"])[Symbol.asyncIterator]();
    await updates.next();
    await server.close();
    served.length = 0;
    cache.set("n3", [opaque(T.EDS, "a", "2"), opaque(T.EDS, "b")]);
    await server.listen(`127.0.0.1:${port}`);
    // While no server is there, an update may say so.
    const changes: string[] = [];
    while (changes.length === 0) changes.push(...(await updates.next()).value.updated);
    expect(changes).toEqual(["a"]);
    const sent = served.flatMap((event) => (event.kind === "sent" ? [event.resources] : []));
    expect(sent).toEqual([variant === "delta" ? ["a"] : ["a", "b"]]);
  });
});

test.each(["256.0.0.1:0", ""])("the address %j, which cannot be bound, is ERR_XDS_LISTEN_FAILED", async (address) => {
  const { cache } = await start("x", "delta");
  const server = createServer({ cache });
  await expect(server.listen(address)).rejects.toMatchObject({ code: "ERR_XDS_LISTEN_FAILED" });
});

test("a closed client is ERR_XDS_CLOSED", async () => {
  const { client } = await start("x", "delta");
  await client.close();
  expect(() => client.watch(textType(T.CDS), ["*"])[Symbol.asyncIterator]()).toThrow(
    expect.objectContaining({ code: "ERR_XDS_CLOSED" }),
  );
});

test("N1, N2: what is asked for on demand is made before it is answered", async () => {
  const cache = snapshotCache({ nodeKey: () => "all", encode: () => opaque(T.CDS, "never"), digest: plainDigest });
  cache.set("all", []);
  const demands: unknown[] = [];
  const server = createServer({
    cache,
    onDemand: async ({ typeUrl, names }) => {
      demands.push({ typeUrl, names });
      await new Promise((resolve) => setImmediate(resolve));
      cache.set(
        "all",
        names.filter((name) => name !== "none").map((name) => opaque(typeUrl, name)),
      );
    },
  });
  open.push(server);
  const uri = `127.0.0.1:${await server.listen("127.0.0.1:0")}`;
  const client = createClient({ bootstrap: { servers: [{ uri }], node: { id: "n" } } });
  open.push(client);
  const updates = client.watch(textType(T.CDS), ["made", "none"])[Symbol.asyncIterator]();
  const { value } = await updates.next();
  expect([...value.resources.keys()]).toEqual(["made"]);
  expect(value.missing).toEqual(["none"]);
  expect(demands).toEqual([{ typeUrl: T.CDS, names: ["made", "none"] }]);
});

test("a client that is not authorized is turned away with the reason", async () => {
  const { cache } = await start("x", "delta");
  const server = createServer({
    cache,
    authorize: ({ node }) => {
      if (node.id !== "known") throw new Error(`${node.id} is not known here`);
    },
  });
  open.push(server);
  const uri = `127.0.0.1:${await server.listen("127.0.0.1:0")}`;
  const reason = await new Promise((resolve) => {
    const client = createClient({
      bootstrap: { servers: [{ uri }], node: { id: "stranger" } },
      onEvent: (event) => {
        if (event.kind === "disconnected") resolve(event.reason);
      },
    });
    open.push(client);
    client.watch(textType(T.CDS), ["*"])[Symbol.asyncIterator]();
  });
  expect(reason).toBe("stranger is not known here");
});

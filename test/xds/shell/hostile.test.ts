import { EventEmitter } from "node:events";
import { Client, type ClientDuplexStream, credentials, type StatusObject, status } from "@grpc/grpc-js";
import { afterEach, describe, expect, test, vi } from "vitest";
import { createServer } from "../../../packages/xds/src/shell/server.js";
import { serveStream } from "../../../packages/xds/src/shell/server-stream.js";
import { streamMethod } from "../../../packages/xds/src/shell/services.js";
import { snapshotCache } from "../../../packages/xds/src/snapshot-cache.js";
import { encodeNode } from "../../../packages/xds/src/wire/node.js";
import { encodeDeltaRequest } from "../../../packages/xds/src/wire/request.js";
import { opaque, plainDigest, T } from "../opaque.js";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

const method = streamMethod("envoy.service.discovery.v3.AggregatedDiscoveryService", "DeltaAggregatedResources");

async function start() {
  const cache = snapshotCache({ nodeKey: () => "all", encode: () => opaque(T.CDS, "never"), digest: plainDigest });
  cache.set("all", [opaque(T.CDS, "a")]);
  const server = createServer({ cache });
  closers.push(() => void server.close());
  return { cache, server, port: await server.listen("127.0.0.1:0") };
}

function call(port: number): ClientDuplexStream<Buffer, Buffer> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
  closers.push(() => client.close());
  const stream = client.makeBidiStreamRequest(method.path, method.requestSerialize, method.responseDeserialize);
  stream.on("error", () => undefined);
  return stream;
}

function ended(stream: ClientDuplexStream<Buffer, Buffer>): Promise<StatusObject> {
  stream.resume();
  return new Promise((resolve) => stream.on("status", resolve));
}

function request(subscribe: readonly string[], nonce = ""): Buffer {
  const fields = {
    typeUrl: T.CDS,
    subscribe,
    unsubscribe: [],
    initialResourceVersions: new Map(),
    responseNonce: nonce,
  };
  return Buffer.from(encodeDeltaRequest(fields, encodeNode({ id: "n" })));
}

function firstResponse(stream: ClientDuplexStream<Buffer, Buffer>): Promise<Buffer> {
  return new Promise((resolve) => stream.once("data", resolve));
}

describe("hostile clients", () => {
  test.each([
    { name: "garbage", bytes: () => Buffer.from([0xff, 0xff, 0xff]), code: status.INVALID_ARGUMENT },
    { name: "no node", bytes: () => Buffer.from([0x12, 1, 0x78]), code: status.INVALID_ARGUMENT },
    {
      name: "a million names",
      bytes: () => request(Array.from({ length: 1_000_000 }, (_, index) => `n${index}`)),
      code: status.RESOURCE_EXHAUSTED,
    },
    { name: "a name of a megabyte", bytes: () => request(["x".repeat(1 << 20)]), code: status.RESOURCE_EXHAUSTED },
    { name: "a message of 80 MB", bytes: () => Buffer.alloc(80 << 20), code: status.RESOURCE_EXHAUSTED },
  ])(
    "$name end the stream with a clear status, and others are served",
    { timeout: 30_000 },
    async ({ bytes, code }) => {
      const { port } = await start();
      const hostile = call(port);
      const end = ended(hostile);
      hostile.write(bytes());
      expect((await end).code).toBe(code);
      const good = call(port);
      good.write(request([]));
      expect((await firstResponse(good)).length).toBeGreaterThan(0);
    },
  );

  test("stale nonces and a client that never reads do not keep others from their updates", {
    timeout: 30_000,
  }, async () => {
    const { cache, port } = await start();
    const silent = call(port);
    silent.write(request([]));
    const noisy = call(port);
    noisy.resume();
    for (let index = 0; index < 2000; index++) noisy.write(request([], `stale-${index}`));
    const good = call(port);
    good.write(request([]));
    await firstResponse(good);
    cache.set("all", [opaque(T.CDS, "a", "2".repeat(1 << 20))]);
    expect((await firstResponse(good)).length).toBeGreaterThan(1 << 20);
  });

  test("a flood of requests waits in the flow control of its sender, and others are served", {
    timeout: 30_000,
  }, async () => {
    const { cache, port } = await start();
    const flood = call(port);
    flood.write(request([]));
    await firstResponse(flood);
    flood.resume();
    const before = process.memoryUsage().arrayBuffers;
    // A request of a thousand names each: 50 MB in all, of which the server takes what its rate allows.
    const bytes = request(
      Array.from({ length: 1000 }, (_, index) => `name-${index}`),
      "stale",
    );
    let taken = 0;
    for (let index = 0; index < 5000; index++) flood.write(bytes, () => taken++);
    const good = call(port);
    good.write(request([]));
    await firstResponse(good);
    cache.set("all", [opaque(T.CDS, "a", "2")]);
    await firstResponse(good);
    expect(taken).toBeLessThan(5000);
    // What waits, waits in the sender, which is in this process too: nothing is held twice.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(5000 * bytes.length * 2);
  });

  test("names that come in many requests end the stream when they are too many", { timeout: 30_000 }, async () => {
    const { server, port } = await start();
    const hostile = call(port);
    const end = ended(hostile);
    for (let part = 0; part < 30; part++) {
      hostile.write(request(Array.from({ length: 10_000 }, (_, index) => `n${part}-${index}`)));
    }
    expect(await end).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    expect(server.clients()).toEqual([]);
  });

  test("a stream that says nothing is ended after 30 s", () => {
    vi.useFakeTimers();
    try {
      const silent = Object.assign(new EventEmitter(), { getPeer: () => "p" });
      const errors: unknown[] = [];
      silent.on("error", (error) => errors.push(error));
      const finished = vi.fn();
      serveStream(silent as never, 1, "delta", undefined, {} as never, finished);
      vi.advanceTimersByTime(29_999);
      expect(finished).not.toHaveBeenCalled();
      vi.advanceTimersByTime(1);
      expect(finished).toHaveBeenCalledOnce();
      expect(errors).toEqual([
        { code: status.DEADLINE_EXCEEDED, details: expect.stringContaining("no request within 30 s") },
      ]);
    } finally {
      vi.useRealTimers();
    }
  });

  test("a thousand streams that say nothing leave nothing behind, and others are served", {
    timeout: 30_000,
  }, async () => {
    const { server, port } = await start();
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
      "grpc.use_local_subchannel_pool": 1,
    });
    closers.push(() => client.close());
    const silent = Array.from({ length: 1000 }, () => {
      const stream = client.makeBidiStreamRequest(method.path, method.requestSerialize, method.responseDeserialize);
      stream.on("error", () => undefined);
      return stream;
    });
    const good = call(port);
    good.write(request([]));
    await firstResponse(good);
    for (const stream of silent) stream.cancel();
    expect(server.clients()).toHaveLength(1);
  });

  test("a stream that is half closed is ended", async () => {
    const { server, port } = await start();
    const stream = call(port);
    stream.write(request([]));
    await firstResponse(stream);
    const end = ended(stream);
    stream.end();
    expect((await end).code).toBe(status.OK);
    expect(server.clients()).toEqual([]);
  });
});

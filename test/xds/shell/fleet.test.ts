import { Client, type ClientDuplexStream, credentials } from "@grpc/grpc-js";
import { afterEach, describe, expect, test } from "vitest";
import { createServer } from "../../../packages/xds/src/shell/server.js";
import { asBuffer, streamMethod } from "../../../packages/xds/src/shell/services.js";
import { snapshotCache } from "../../../packages/xds/src/snapshot-cache.js";
import { encodeNode } from "../../../packages/xds/src/wire/node.js";
import { encodeDeltaRequest } from "../../../packages/xds/src/wire/request.js";
import { decodeDeltaResponse } from "../../../packages/xds/src/wire/response.js";
import type { XdsServer } from "../../../packages/xds/src/xds-server.js";
import { opaque, plainDigest, T } from "../opaque.js";

/** A thousand with `WEFTMESH_SOAK=1`. */
const CLIENTS = process.env["WEFTMESH_SOAK"] === undefined ? 100 : 1000;
const method = streamMethod("envoy.service.discovery.v3.AggregatedDiscoveryService", "DeltaAggregatedResources");

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A delta client that acknowledges everything and counts what it is sent. */
class Counter {
  bytes = 0;
  resources = 0;
  responses = 0;
  readonly versions = new Map<string, string>();
  readonly #call: ClientDuplexStream<Buffer, Buffer>;

  constructor(
    channel: Client,
    index: number,
    names: readonly string[],
    held: ReadonlyMap<string, string>,
    got: () => void,
  ) {
    this.#call = channel.makeBidiStreamRequest(method.path, method.requestSerialize, method.responseDeserialize);
    this.#call.on("error", () => undefined);
    this.#call.on("data", (bytes: Buffer) => {
      this.bytes += bytes.length;
      this.responses++;
      const response = decodeDeltaResponse(bytes);
      for (const { name, version } of response.resources) this.versions.set(name, version);
      this.resources += response.resources.length;
      this.#send([], response.nonce, new Map());
      got();
    });
    this.#send(names, "", held, encodeNode({ id: `n${index}` }));
  }

  #send(
    subscribe: readonly string[],
    responseNonce: string,
    initialResourceVersions: ReadonlyMap<string, string>,
    node?: Uint8Array,
  ): void {
    const request = { typeUrl: T.EDS, subscribe, unsubscribe: [], initialResourceVersions, responseNonce };
    this.#call.write(asBuffer(encodeDeltaRequest(request, node)));
  }

  end(): void {
    this.#call.cancel();
  }
}

async function start() {
  const cache = snapshotCache({ nodeKey: () => "all", encode: () => opaque(T.EDS, "never"), digest: plainDigest });
  const serve = async (): Promise<{
    readonly server: XdsServer;
    readonly channel: Client;
    readonly acks: () => number;
  }> => {
    let acks = 0;
    const server = createServer({
      cache,
      onEvent: ({ kind }) => {
        if (kind === "ack") acks++;
      },
    });
    closers.push(() => server.close());
    const channel = new Client(`127.0.0.1:${await server.listen("127.0.0.1:0")}`, credentials.createInsecure(), {
      "grpc.use_local_subchannel_pool": 1,
    });
    closers.push(() => channel.close());
    return { server, channel, acks: () => acks };
  };
  return { cache, serve };
}

function until(condition: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (condition()) resolve();
      else setTimeout(look, 5);
    };
    look();
  });
}

describe("a fleet", () => {
  const names = Array.from({ length: 20 }, (_, index) => `e${index}`);

  test("a change that 10 watch costs the others no byte", { timeout: 60_000 }, async () => {
    const { cache, serve } = await start();
    cache.set(
      "all",
      [...names, "rare"].map((name) => opaque(T.EDS, name)),
    );
    const { channel, acks } = await serve();
    const clients = Array.from({ length: CLIENTS }, (_, index) => {
      const watched = index < 10 ? [...names, "rare"] : names;
      return new Counter(channel, index, watched, new Map(), () => undefined);
    });
    await until(() => acks() === CLIENTS);
    const before = clients.map(({ bytes }) => bytes);
    cache.set("all", [...names.map((name) => opaque(T.EDS, name)), opaque(T.EDS, "rare", "2")]);
    await until(() => acks() === CLIENTS + 10);
    // Whatever else was sent would have been written before the last of these was acknowledged and this one answered.
    cache.set("all", [...names.map((name) => opaque(T.EDS, name)), opaque(T.EDS, "rare", "3")]);
    await until(() => acks() === CLIENTS + 20);
    const cost = clients.map(({ bytes }, index) => bytes - (before[index] ?? 0));
    expect(cost.slice(0, 10).every((bytes) => bytes > 0)).toBe(true);
    expect(cost.slice(10).reduce((sum, bytes) => sum + bytes, 0)).toBe(0);
  });

  test("D2: clients that come back with matching versions, to another replica, are sent no resource", {
    timeout: 60_000,
  }, async () => {
    const { cache, serve } = await start();
    cache.set(
      "all",
      names.map((name) => opaque(T.EDS, name)),
    );
    const first = await serve();
    const clients = Array.from(
      { length: CLIENTS },
      (_, index) => new Counter(first.channel, index, names, new Map(), () => undefined),
    );
    await until(() => first.acks() === CLIENTS);
    for (const client of clients) client.end();
    await first.server.close();
    // A replica knows nothing but the content.
    cache.clear("all");
    cache.set(
      "all",
      names.map((name) => opaque(T.EDS, name)),
    );
    const second = await serve();
    const again = clients.map(
      ({ versions }, index) => new Counter(second.channel, index, names, versions, () => undefined),
    );
    await until(() => second.server.clients().length === CLIENTS);
    cache.set("all", [...names.slice(1).map((name) => opaque(T.EDS, name)), opaque(T.EDS, "e0", "2")]);
    await until(() => again.every(({ resources }) => resources === 1));
    expect(again.map(({ responses }) => responses)).toEqual(again.map(() => 1));
  });
});

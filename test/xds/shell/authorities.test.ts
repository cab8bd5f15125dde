import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { readEnvoyBootstrap } from "../../../packages/xds/src/bootstrap-read.js";
import { withNodeContext } from "../../../packages/xds/src/node-context.js";
import type { ResourceType } from "../../../packages/xds/src/resource.js";
import { createClient } from "../../../packages/xds/src/shell/client.js";
import { fileLastGood } from "../../../packages/xds/src/shell/file-last-good.js";
import { createServer } from "../../../packages/xds/src/shell/server.js";
import { snapshotCache } from "../../../packages/xds/src/snapshot-cache.js";
import type { ServerEvent } from "../../../packages/xds/src/xds-server.js";
import { opaque, plainDigest, T } from "../opaque.js";

const open: AsyncDisposable[] = [];
const folders: string[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const node = { id: "n" };
const text: ResourceType<string> = { typeUrl: T.CDS, decode: (bytes) => new TextDecoder().decode(bytes) };

async function serve(...names: readonly string[]) {
  const cache = snapshotCache({ nodeKey: () => "all", encode: () => opaque(T.CDS, "never"), digest: plainDigest });
  cache.set(
    "all",
    names.map((name) => opaque(T.CDS, name)),
  );
  const events: ServerEvent[] = [];
  const server = createServer({ cache, onEvent: (event) => events.push(event) });
  open.push(server);
  return { cache, server, events, uri: `127.0.0.1:${await server.listen("127.0.0.1:0")}` };
}

describe("authorities", () => {
  const name = (authority: string) => `xdstp://${authority}/T/c`;

  test("N6: each name goes to its authority, the same servers are one stream, an unknown authority is one name's error", async () => {
    const main = await serve("plain", name("same"));
    const other = await serve(name("other"));
    const client = createClient({
      bootstrap: {
        servers: [{ uri: main.uri }],
        node: { id: "n" },
        authorities: { same: {}, other: { servers: [{ uri: other.uri }] } },
      },
    });
    open.push(client);
    const names = ["plain", name("same"), name("other"), name("nobody")];
    for await (const { resources, errors } of client.watch(text, names)) {
      if (resources.size < 3) continue;
      expect([...resources.keys()].sort()).toEqual(["plain", name("other"), name("same")]);
      expect([...errors.keys()]).toEqual([name("nobody")]);
      expect(main.events.filter(({ kind }) => kind === "connected")).toHaveLength(1);
      expect(other.events.filter(({ kind }) => kind === "connected")).toHaveLength(1);
      expect(
        client
          .status()
          .map((each) => each.name)
          .sort(),
      ).toEqual(["plain", name("other"), name("same")]);
      expect(client.dump().resources).toHaveLength(3);
      break;
    }
  });

  test("N7: an Envoy bootstrap names the servers of authorities and the default", () => {
    const cluster = (clusterName: string, port: number) => ({
      name: clusterName,
      load_assignment: {
        endpoints: [
          { lb_endpoints: [{ endpoint: { address: { socket_address: { address: "h", port_value: port } } } }] },
        ],
      },
    });
    const source = (clusterName: string, api_type = "AGGREGATED_GRPC") => ({
      api_config_source: {
        api_type,
        transport_api_version: "V3",
        grpc_services: [{ envoy_grpc: { cluster_name: clusterName } }],
      },
    });
    const bootstrap = readEnvoyBootstrap({
      node: { id: "n" },
      node_context_params: ["id", "metadata.role"],
      static_resources: { clusters: [cluster("a", 1), cluster("b", 2)] },
      dynamic_resources: { ads_config: source("a", "DELTA_GRPC").api_config_source },
      config_sources: [{ ...source("b"), authorities: [{ name: "x" }, { name: "y" }] }],
      default_config_source: { ads: {} },
    });
    expect(bootstrap).toMatchObject({
      servers: [{ uri: "h:1", variant: "delta" }],
      authorities: { x: { servers: [{ uri: "h:2", variant: "sotw" }] }, y: { servers: [{ uri: "h:2" }] } },
      defaultServers: [{ uri: "h:1" }],
      nodeContextParams: ["id", "metadata.role"],
    });
  });

  test("N7: node fields become context parameters", () => {
    const node = { id: "n", metadata: { role: "edge", weight: 2 }, locality: { zone: "z" } };
    const fields = ["id", "cluster", "metadata.role", "metadata.weight", "locality.zone", "metadata.none"];
    expect(withNodeContext("xdstp://a/T/*?k=v", node, fields)).toBe(
      "xdstp://a/T/*?k=v&xds.node.id=n&xds.node.locality.zone=z&xds.node.metadata.role=edge&xds.node.metadata.weight=2",
    );
    expect(withNodeContext("plain", node, fields)).toBe("plain");
  });
});

describe("N10: what Envoy's extensions do", () => {
  function file(): string {
    const folder = mkdtempSync(join(tmpdir(), "weft-xds-"));
    folders.push(folder);
    return join(folder, "last-good");
  }

  test("N10: a client starts from what it accepted last when no server can be reached, and goes on with the server", async () => {
    const path = file();
    const { server, uri, cache } = await serve("a", "b");
    const first = createClient({ bootstrap: { servers: [{ uri }], node }, lastGood: fileLastGood(path) });
    const seen = first.watch(text, ["*"])[Symbol.asyncIterator]();
    expect((await seen.next()).value.resources.size).toBe(2);
    await first.close();
    expect(readFileSync(path, "utf8").split("\n")).toHaveLength(3);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await server.close();
    const second = createClient({
      bootstrap: { servers: [{ uri }], node },
      lastGood: fileLastGood(path),
      backoff: { baseMs: 5, multiplier: 1, jitter: 0, maxMs: 5 },
    });
    open.push(second);
    const updates = second.watch(text, ["*"])[Symbol.asyncIterator]();
    const { value } = await updates.next();
    expect([...value.resources.keys()]).toEqual(["a", "b"]);
    expect(value.errors.get("*")?.kind).toBe("connection");
    const again = createServer({ cache });
    open.push(again);
    cache.set("all", [opaque(T.CDS, "a", "2"), opaque(T.CDS, "b")]);
    await again.listen(uri);
    await vi.waitFor(async () => expect((await updates.next()).value.versions.get("a")).toBe("v2"), {
      timeout: 10_000,
    });
  });

  test("N10: a file that holds something else is nothing, and secrets are not written", async () => {
    const path = file();
    writeFileSync(path, "garbage");
    const errors: unknown[] = [];
    expect(fileLastGood(path, (error) => errors.push(error)).read()).toEqual([]);
    expect(errors).toHaveLength(1);
    const { uri, cache } = await serve();
    cache.set("all", [opaque(T.SDS, "key")]);
    const other = file();
    const client = createClient({ bootstrap: { servers: [{ uri }], node }, lastGood: fileLastGood(other) });
    await client
      .watch({ ...text, typeUrl: T.SDS }, ["key"])
      [Symbol.asyncIterator]()
      .next();
    await client.close();
    expect(existsSync(other) ? readFileSync(other, "utf8") : "").toBe("");
  });

  test.each([{ variant: "sotw" }, { variant: "delta" }] as const)(
    "N10: a mass deletion can be refused as a whole, $variant",
    async ({ variant }) => {
      const { uri, cache, events } = await serve("a", "b");
      const client = createClient({
        bootstrap: { servers: [{ uri, variant }], node },
        validateSet: (typeUrl, names) =>
          typeUrl === T.CDS && names.size === 0 ? "no cluster would be left" : undefined,
      });
      open.push(client);
      await client.watch(text, ["*"])[Symbol.asyncIterator]().next();
      cache.set("all", []);
      await vi.waitFor(() => {
        const nack = events.find((event) => event.kind === "nack");
        expect(nack).toMatchObject({ nack: { message: expect.stringContaining("no cluster would be left") } });
      });
      expect(client.status().map(({ status }) => status)).toEqual(["ACKED", "ACKED"]);
    },
  );
});

describe("F1: flow control", () => {
  test.each([{ flowControl: true }, { flowControl: false }])(
    "F1: while a reader is at work, with flow control $flowControl",
    async ({ flowControl }) => {
      const { uri, cache, events } = await serve("a");
      const client = createClient({ bootstrap: { servers: [{ uri }], node }, flowControl });
      open.push(client);
      const acks = () => events.filter(({ kind }) => kind === "ack").length;
      const updates = client.watch(text, ["*"])[Symbol.asyncIterator]();
      await updates.next();
      await vi.waitFor(() => expect(acks()).toBe(1));
      // The reader is at work now: it does not ask for the next state.
      for (let content = 2; content <= 6; content++) {
        cache.set("all", [opaque(T.CDS, "a", String(content))]);
        await new Promise<void>((resolve) => setTimeout(resolve, 20));
      }
      if (flowControl) expect(acks()).toBeLessThan(4);
      else await vi.waitFor(() => expect(acks()).toBe(6));
      await vi.waitFor(async () => expect((await updates.next()).value.versions.get("a")).toBe("v6"));
    },
  );
});

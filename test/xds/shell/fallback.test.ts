import { afterEach, expect, test } from "vitest";
import { createClient } from "../../../packages/xds/src/shell/client.js";
import { createServer } from "../../../packages/xds/src/shell/server.js";
import { snapshotCache } from "../../../packages/xds/src/snapshot-cache.js";
import type { ServerEvent } from "../../../packages/xds/src/xds-server.js";
import { opaque, plainDigest, T } from "../opaque.js";

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

const text = { typeUrl: T.EDS, decode: (bytes: Uint8Array) => new TextDecoder().decode(bytes).slice(-1) };
const backoff = { baseMs: 20, multiplier: 1, jitter: 0, maxMs: 20 };

function start(content: string) {
  const cache = snapshotCache({ nodeKey: () => "all", encode: () => opaque(T.EDS, "never"), digest: plainDigest });
  cache.set("all", [opaque(T.EDS, "a", content)]);
  const events: ServerEvent[] = [];
  const server = createServer({ cache, onEvent: (event) => events.push(event) });
  open.push(server);
  return { cache, server, events };
}

test("N9: the second server is used while the first cannot be reached, and let go when the first answers", async () => {
  const first = start("1");
  const second = start("2");
  const port = await first.server.listen("127.0.0.1:0");
  await first.server.close();
  const servers = [{ uri: `127.0.0.1:${port}` }, { uri: `127.0.0.1:${await second.server.listen("127.0.0.1:0")}` }];
  const client = createClient({ bootstrap: { servers, node: { id: "n" } }, backoff });
  open.push(client);
  const updates = client.watch(text, ["a"])[Symbol.asyncIterator]();
  const next = async (wanted: string): Promise<void> => {
    for (let got = ""; got !== wanted; ) got = (await updates.next()).value.resources.get("a") ?? "";
  };
  await next("2");
  await first.server.listen(`127.0.0.1:${port}`);
  await next("1");
  while (!second.events.some(({ kind }) => kind === "disconnected"))
    await new Promise((resolve) => setImmediate(resolve));
  first.cache.set("all", [opaque(T.EDS, "a", "3")]);
  await next("3");
});

test("N9: a server that is gone is not replaced as long as everything wanted is held", async () => {
  const first = start("1");
  const second = start("2");
  const port = await first.server.listen("127.0.0.1:0");
  const servers = [{ uri: `127.0.0.1:${port}` }, { uri: `127.0.0.1:${await second.server.listen("127.0.0.1:0")}` }];
  let failures = 0;
  const client = createClient({
    bootstrap: { servers, node: { id: "n" } },
    backoff,
    onEvent: ({ kind }) => {
      if (kind === "disconnected") failures++;
    },
  });
  open.push(client);
  const updates = client.watch(text, ["a"])[Symbol.asyncIterator]();
  expect((await updates.next()).value.resources.get("a")).toBe("1");
  await first.server.close();
  while (failures < 4) await new Promise((resolve) => setImmediate(resolve));
  expect(second.events).toEqual([]);
});

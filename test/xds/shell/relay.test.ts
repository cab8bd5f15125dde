import { afterEach, describe, expect, test, vi } from "vitest";
import { type JournalEntry, replayJournal } from "../../../packages/xds/src/journal.js";
import type { ResourceType } from "../../../packages/xds/src/resource.js";
import { createClient } from "../../../packages/xds/src/shell/client.js";
import { createRelay } from "../../../packages/xds/src/shell/relay.js";
import { createServer } from "../../../packages/xds/src/shell/server.js";
import { snapshotCache } from "../../../packages/xds/src/snapshot-cache.js";
import { opaque, plainDigest, T } from "../opaque.js";

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

function textType(typeUrl: string): ResourceType<string> {
  return {
    typeUrl,
    decode: (bytes) => new TextDecoder().decode(bytes),
    check: (text) => (text.endsWith("bad") ? [{ path: "content", message: "it is bad" }] : []),
  };
}

describe.each([{ variant: "sotw" }, { variant: "delta" }] as const)("through a relay, $variant", ({ variant }) => {
  test("our two sides break no rule, and the journal replays without a difference", async () => {
    const cache = snapshotCache({ nodeKey: ({ id }) => id, encode: () => opaque(T.CDS, "never"), digest: plainDigest });
    const server = createServer({ cache });
    open.push(server);
    const journal: JournalEntry[] = [];
    const breaches: unknown[] = [];
    const relay = createRelay({
      upstream: `127.0.0.1:${await server.listen("127.0.0.1:0")}`,
      onEntry: (entry) => journal.push(JSON.parse(JSON.stringify(entry))),
      onBreach: (breach) => breaches.push(breach),
    });
    open.push(relay);
    const uri = `127.0.0.1:${await relay.listen("127.0.0.1:0")}`;
    const client = createClient({ bootstrap: { servers: [{ uri, variant }], node: { id: "n" } } });
    open.push(client);
    cache.set("n", [opaque(T.CDS, "a"), opaque(T.EDS, "e")]);
    const clusters = client.watch(textType(T.CDS), ["*"])[Symbol.asyncIterator]();
    const endpoints = client.watch(textType(T.EDS), ["e", "missing"])[Symbol.asyncIterator]();
    expect([...(await clusters.next()).value.resources.keys()]).toEqual(["a"]);
    await endpoints.next();
    for (const content of ["2", "bad", "3"]) {
      cache.set("n", [opaque(T.CDS, "a", content), opaque(T.CDS, "b"), opaque(T.EDS, "e", content)]);
      await clusters.next();
    }
    cache.set("n", [opaque(T.EDS, "e", "3")]);
    await vi.waitFor(async () => expect((await clusters.next()).value.resources.size).toBe(0));
    await client.close();
    await vi.waitFor(() => expect(journal.at(-1)?.kind).toBe("close"));
    expect(breaches).toEqual([]);
    expect(journal.filter(({ kind }) => kind === "response").length).toBeGreaterThan(5);
    expect(replayJournal(journal)).toEqual([]);
    // No contents: an opaque resource has its content in its bytes only.
    expect(JSON.stringify(journal)).not.toContain(Buffer.from(opaque(T.CDS, "a").value).toString("base64"));
  });

  test("a build that would answer differently is told apart", async () => {
    const common = { stream: 1, typeUrl: T.EDS } as const;
    const asked = variant === "sotw" ? { version: "", names: ["a"] } : { subscribe: ["a"], unsubscribe: [], held: {} };
    const print = ["a", "v1", "v1 0/0"] as const;
    const answer =
      variant === "sotw"
        ? { version: "1", names: ["a"], nonce: "7" }
        : { subscribe: [], unsubscribe: [], held: {}, nonce: "7" };
    const journal: readonly JournalEntry[] = [
      { kind: "open", stream: 1, variant },
      { kind: "request", ...common, node: "n", nonce: "", ...asked },
      { kind: "response", ...common, version: "1", nonce: "7", resources: [print], removed: [] },
      { kind: "request", ...common, ...answer, error: { code: 3, message: "a: no" } },
      // The recorded server sends the refused content again (S3); ours would not.
      { kind: "response", ...common, version: "1", nonce: "8", resources: [print], removed: [] },
    ];
    expect(replayJournal(journal)).toEqual([{ index: 4, recorded: ["a"], sent: [] }]);
  });
});

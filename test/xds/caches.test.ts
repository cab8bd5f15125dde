import { describe, expect, test, vi } from "vitest";
import { linearCache } from "../../packages/xds/src/linear-cache.js";
import { muxCache } from "../../packages/xds/src/mux-cache.js";
import { digest } from "../../packages/xds/src/shell/digest.js";
import { createSnapshotCache } from "../../packages/xds/src/shell/snapshot-cache.js";
import { snapshotCache } from "../../packages/xds/src/snapshot-cache.js";
import { viewDiff } from "../../packages/xds/src/view.js";
import { opaque, plainDigest, T, viewOf } from "./opaque.js";

const node = { id: "n", cluster: "c" };

function noMessages(): never {
  throw new Error("only encoded resources here");
}

const parts = { nodeKey: ({ id }: { readonly id: string }) => id, encode: noMessages, digest: plainDigest };

describe("snapshot cache", () => {
  test("nothing is known of a node before its first snapshot, and everything is empty afterwards", () => {
    const cache = snapshotCache(parts);
    expect(cache.view(node, T.CDS)).toBeUndefined();
    cache.set("n", []);
    expect(cache.view(node, T.CDS)?.resources.size).toBe(0);
    expect(cache.view(node, T.CDS)).toBe(cache.view(node, T.CDS));
  });

  test("a change is told in resource terms, and only of the types that changed", () => {
    const cache = snapshotCache(parts);
    const changed = vi.fn();
    cache.set("n", [opaque(T.CDS, "a"), opaque(T.CDS, "b"), opaque(T.LDS, "l")]);
    cache.subscribe(node, changed);
    const change = cache.set("n", [opaque(T.CDS, "a", "2"), opaque(T.CDS, "c"), opaque(T.LDS, "l")]);
    expect(change.types).toMatchObject([{ typeUrl: T.CDS, added: ["c"], updated: ["a"], removed: ["b"] }]);
    expect(changed.mock.calls).toEqual([[[T.CDS]]]);
  });

  test("an equal snapshot keeps its views and tells nobody", () => {
    const cache = snapshotCache(parts);
    const changed = vi.fn();
    cache.set("n", [opaque(T.CDS, "a")]);
    cache.subscribe(node, changed);
    const before = cache.view(node, T.CDS);
    expect(cache.set("n", [opaque(T.CDS, "a")]).types).toEqual([]);
    expect(cache.view(node, T.CDS)).toBe(before);
    expect(changed).not.toHaveBeenCalled();
  });

  test("a first snapshot tells of any type, and a disposed interest of none", () => {
    const cache = snapshotCache(parts);
    const changed = vi.fn();
    const interest = cache.subscribe(node, changed);
    cache.set("n", []);
    expect(changed.mock.calls).toEqual([[undefined]]);
    interest[Symbol.dispose]();
    cache.set("n", [opaque(T.CDS, "a")]);
    expect(changed).toHaveBeenCalledTimes(1);
  });

  test.each([
    { name: "two of one name", resources: [opaque(T.CDS, "a"), opaque(T.CDS, "a", "2")], path: "resources[1]" },
    { name: "no name", resources: [opaque(T.CDS, "")], path: "resources[0]" },
  ])("$name is ERR_XDS_SNAPSHOT_INVALID", ({ resources, path }) => {
    const cache = snapshotCache(parts);
    expect(() => cache.set("n", resources)).toThrow(
      expect.objectContaining({ code: "ERR_XDS_SNAPSHOT_INVALID", path }),
    );
    expect(cache.nodes()).toEqual([]);
  });

  test("D2: versions come from content: another process gives the same ones, whatever the order", () => {
    const a = createSnapshotCache();
    const b = createSnapshotCache();
    const message = (port: number) => ({ name: "x", altStatName: String(port) });
    const resource = (name: string, port: number) => ({ typeUrl: T.CDS, name, message: { ...message(port), name } });
    a.set("n", [resource("p", 1), resource("q", 2)]);
    b.set("n", [resource("q", 2), resource("p", 1)]);
    expect(a.get("n").get(T.CDS)?.version).toBe(b.get("n").get(T.CDS)?.version);
    // Computed by hand with another SHA-256 over the wire bytes, so that a change of the scheme is noticed.
    expect(a.get("n").get(T.CDS)?.version).toBe("v3OI8L5SbraST372");
    b.set("n", [resource("q", 2), resource("p", 3)]);
    expect(a.get("n").get(T.CDS)?.version).not.toBe(b.get("n").get(T.CDS)?.version);
  });

  test("a message object is encoded once", () => {
    const cache = createSnapshotCache();
    const resource = { typeUrl: T.CDS, name: "a", message: { name: "a" } };
    cache.set("n", [resource]);
    const first = cache.get("n").get(T.CDS)?.resources.get("a");
    cache.set("m", [resource]);
    expect(cache.get("m").get(T.CDS)?.resources.get("a")).toBe(first);
  });

  test("the digest is 96 bits of SHA-256", () => {
    // echo -n abc | sha256sum, its first 12 bytes in base64url.
    expect(digest("abc")).toBe(Buffer.from("ba7816bf8f01cfea414140de", "hex").toString("base64url"));
  });
});

describe("linear cache", () => {
  test("one change is one new view, told to everybody", () => {
    const cache = linearCache(T.EDS, { encode: noMessages, digest: plainDigest });
    const changed = vi.fn();
    cache.subscribe(node, changed);
    cache.update([opaque(T.EDS, "a"), opaque(T.EDS, "b")]);
    const before = cache.current();
    cache.update([opaque(T.EDS, "a", "2")], ["b", "never"]);
    expect(viewDiff(before, cache.current())).toEqual({ changed: new Set(["a"]), removed: new Set(["b"]) });
    expect(changed.mock.calls).toEqual([[[T.EDS]], [[T.EDS]]]);
    cache.update([opaque(T.EDS, "a", "2")]);
    expect(changed).toHaveBeenCalledTimes(2);
    expect(cache.view(node, T.CDS)).toBeUndefined();
  });

  test("a resource of another type is ERR_XDS_SNAPSHOT_INVALID", () => {
    const cache = linearCache(T.EDS, { encode: noMessages, digest: plainDigest });
    expect(() => cache.update([opaque(T.CDS, "a")])).toThrow(
      expect.objectContaining({ code: "ERR_XDS_SNAPSHOT_INVALID" }),
    );
  });
});

describe("mux cache", () => {
  test("the type chooses the cache, and changes of all are passed on", () => {
    const endpoints = linearCache(T.EDS, { encode: noMessages, digest: plainDigest });
    const rest = snapshotCache(parts);
    const mux = muxCache((typeUrl) => (typeUrl === T.EDS ? endpoints : rest), [endpoints, rest]);
    const changed = vi.fn();
    const interest = mux.subscribe(node, changed);
    endpoints.update([opaque(T.EDS, "a")]);
    rest.set("n", [opaque(T.CDS, "a")]);
    expect(mux.view(node, T.EDS)?.resources.has("a")).toBe(true);
    expect(mux.view(node, T.CDS)?.resources.has("a")).toBe(true);
    expect(changed).toHaveBeenCalledTimes(2);
    interest[Symbol.dispose]();
    endpoints.update([opaque(T.EDS, "b")]);
    expect(changed).toHaveBeenCalledTimes(2);
  });
});

test("the difference of two views is found once for each pair", () => {
  const from = viewOf(T.CDS, { a: "1", b: "1" });
  const to = viewOf(T.CDS, { a: "2", c: "1" });
  expect(viewDiff(from, to)).toEqual({ changed: new Set(["a", "c"]), removed: new Set(["b"]) });
  expect(viewDiff(from, to)).toBe(viewDiff(from, to));
});

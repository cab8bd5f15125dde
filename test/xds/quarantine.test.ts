import { expect, test } from "vitest";
import type { NodeIdentity } from "../../packages/xds/src/node.js";
import { type FencedVersion, type QuarantineConfig, quarantineCache } from "../../packages/xds/src/quarantine.js";
import { snapshotCache } from "../../packages/xds/src/snapshot-cache.js";
import { opaque, plainDigest, T } from "./opaque.js";

function start(config: QuarantineConfig = {}) {
  const cache = snapshotCache({ nodeKey: () => "all", encode: () => opaque(T.CDS, "never"), digest: plainDigest });
  const fenced: FencedVersion[] = [];
  const guarded = quarantineCache(cache, { ...config, onFenced: (each) => fenced.push(each) }, plainDigest);
  let nonces = 0;
  const node = (id: string): NodeIdentity => ({ id, cluster: "" });
  const versions = (id: string) =>
    Object.fromEntries(
      [...(guarded.view(node(id), T.CDS)?.resources.values() ?? [])].map((one) => [one.name, one.version]),
    );
  /** A client takes what it is served; `bad` names what it refuses. */
  const serve = (id: string, bad?: string): void => {
    const nonce = String(++nonces);
    const resources = Object.keys(versions(id));
    guarded.onEvent({
      kind: "sent",
      stream: 1,
      node: node(id),
      typeUrl: T.CDS,
      version: "",
      nonce,
      resources,
      removed: [],
    });
    if (bad === undefined)
      guarded.onEvent({ kind: "ack", stream: 1, node: node(id), typeUrl: T.CDS, version: "", nonce });
    else {
      const reasons = [{ resource: bad, reason: "broken" }];
      const nack = { node: node(id), typeUrl: T.CDS, nonce, version: "", code: 3, message: "broken", reasons };
      guarded.onEvent({ kind: "nack", stream: 1, nack });
    }
  };
  const publish = (contents: Readonly<Record<string, string>>): void => {
    cache.set(
      "all",
      Object.entries(contents).map(([name, content]) => opaque(T.CDS, name, content)),
    );
  };
  return { guarded, fenced, versions, serve, publish, node };
}

test("a refused version is replaced by the last good one for everybody, other resources keep flowing", () => {
  const { versions, serve, publish, fenced, guarded, node } = start();
  publish({ a: "1", b: "1" });
  serve("n1");
  publish({ a: "2", b: "2" });
  const told: (readonly string[] | undefined)[] = [];
  guarded.subscribe(node("n2"), (typeUrls) => told.push(typeUrls));
  serve("n1", "a");
  expect(told).toEqual([[T.CDS]]);
  expect(versions("n2")).toEqual({ a: "v1", b: "v2" });
  expect(fenced).toEqual([{ typeUrl: T.CDS, name: "a", version: "v2", lastGood: "v1", refusedBy: ["n1"] }]);
  // Better content lifts the fence.
  publish({ a: "3", b: "2" });
  expect(versions("n2")).toEqual({ a: "v3", b: "v2" });
});

test("without a good version the resource is left out", () => {
  const { versions, serve, publish } = start();
  publish({ a: "1", b: "1" });
  serve("n1", "a");
  expect(versions("n1")).toEqual({ b: "v1" });
});

test("so many different nodes must refuse, and what others use is not taken from them", () => {
  const { versions, serve, publish, fenced } = start({ afterRefusals: 2 });
  publish({ a: "1" });
  serve("n1");
  serve("n2", "a");
  serve("n3", "a");
  expect(fenced).toEqual([]);
  publish({ a: "2" });
  serve("n1", "a");
  serve("n1", "a");
  expect(versions("n2")).toEqual({ a: "v2" });
  serve("n2", "a");
  expect(versions("n2")).toEqual({ a: "v1" });
});

test("canary nodes get a version first, the others when it is proven", () => {
  const { versions, serve, publish } = start({ canary: ({ id }) => id.startsWith("canary"), afterAcceptances: 2 });
  publish({ a: "1" });
  for (const id of ["canary-1", "canary-2"]) serve(id);
  expect(versions("n")).toEqual({ a: "v1" });
  publish({ a: "2" });
  expect(versions("canary-1")).toEqual({ a: "v2" });
  expect(versions("n")).toEqual({ a: "v1" });
  serve("canary-1");
  serve("canary-1");
  expect(versions("n")).toEqual({ a: "v1" });
  serve("canary-2");
  expect(versions("n")).toEqual({ a: "v2" });
});

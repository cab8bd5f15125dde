import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, credentials, type ServiceError, status } from "@grpc/grpc-js";
import { Cluster } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import { ClusterLoadAssignment } from "@weftmesh/xds-types/envoy/config/endpoint/v3";
import { afterEach, describe, expect, test } from "vitest";
import { watchFile } from "../../../packages/xds/src/shell/file-source.js";
import { publishFiles } from "../../../packages/xds/src/shell/publish-files.js";
import { restHandler } from "../../../packages/xds/src/shell/rest.js";
import { watchRest } from "../../../packages/xds/src/shell/rest-source.js";
import { createServer } from "../../../packages/xds/src/shell/server.js";
import { unaryMethod } from "../../../packages/xds/src/shell/services.js";
import { createSnapshotCache } from "../../../packages/xds/src/shell/snapshot-cache.js";
import { encodeNode } from "../../../packages/xds/src/wire/node.js";
import { encodeSotwRequest } from "../../../packages/xds/src/wire/request.js";
import { decodeSotwResponse } from "../../../packages/xds/src/wire/response.js";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const node = { id: "n", cluster: "" };

function cluster(name: string, seconds = 1n, extra: Partial<Cluster> = {}) {
  const message = { name, type: "STATIC", connectTimeout: { seconds }, ...extra } as Cluster;
  return { typeUrl: Cluster.typeUrl, name, message };
}

async function startRest() {
  const cache = createSnapshotCache();
  const server = createHttpServer(
    restHandler({
      cache,
      authorize: ({ id }) => {
        if (id === "evil") throw new Error("not you");
      },
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(
    () => new Promise((resolve) => server.close(resolve)),
    () => server.closeAllConnections(),
  );
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const post = (path: string, body: unknown, method = "POST") =>
    fetch(url + path, {
      method,
      body: method === "POST" ? (typeof body === "string" ? body : JSON.stringify(body)) : null,
    });
  return { cache, url, post };
}

interface Fetched {
  readonly versionInfo: string;
  readonly resources: readonly { readonly name: string }[];
}

describe("REST", () => {
  test("V3: a fetch answers ProtoJSON of the names that were asked for, and 304 for the version the client has", async () => {
    const { cache, post } = await startRest();
    cache.set("n", [cluster("a"), cluster("b")]);
    const all = (await (await post("/v3/discovery:clusters", { node: { id: "n" } })).json()) as Fetched;
    expect(all).toMatchObject({ typeUrl: Cluster.typeUrl, resources: [{ name: "a" }, { name: "b" }] });
    expect(all.resources[0]).toEqual({ "@type": Cluster.typeUrl, name: "a", type: "STATIC", connectTimeout: "1s" });
    const one = (await (
      await post("/v3/discovery:clusters", { node: { id: "n" }, resource_names: ["b"] })
    ).json()) as Fetched;
    expect(one.resources.map(({ name }) => name)).toEqual(["b"]);
    const same = await post("/v3/discovery:clusters", { node: { id: "n" }, version_info: all.versionInfo });
    expect(same.status).toBe(304);
  });

  test.each([
    { name: "an unknown path", path: "/v3/discovery:nothing", body: {}, code: 404 },
    {
      name: "another type",
      path: "/v3/discovery:routes",
      body: { node: { id: "n" }, type_url: Cluster.typeUrl },
      code: 400,
    },
    { name: "no node", path: "/v3/discovery:clusters", body: {}, code: 400 },
    { name: "no JSON", path: "/v3/discovery:clusters", body: "{", code: 400 },
    { name: "no request", path: "/v3/discovery:clusters", body: { nodes: 1 }, code: 400 },
    { name: "somebody unwanted", path: "/v3/discovery:clusters", body: { node: { id: "evil" } }, code: 403 },
    { name: "a node nothing is published for", path: "/v3/discovery:clusters", body: { node: { id: "x" } }, code: 503 },
    { name: "5 MB", path: "/v3/discovery:clusters", body: " ".repeat(5 << 20), code: 413 },
    { name: "GET", path: "/v3/discovery:clusters", method: "GET", body: {}, code: 405 },
  ])("V3: $name is answered with $code", async ({ path, body, method, code }) => {
    const { cache, post } = await startRest();
    cache.set("n", []);
    expect((await post(path, body, method)).status).toBe(code);
  });

  test("V3: the unary method of a service answers the same", async () => {
    const cache = createSnapshotCache();
    cache.set("n", [cluster("a")]);
    const server = createServer({ cache });
    closers.push(() => server.close());
    const client = new Client(`127.0.0.1:${await server.listen("127.0.0.1:0")}`, credentials.createInsecure());
    closers.push(() => client.close());
    const call = unaryMethod("envoy.service.cluster.v3.ClusterDiscoveryService", "FetchClusters");
    const ask = (id: string) =>
      new Promise<Buffer | ServiceError>((resolve) => {
        const request = { versionInfo: "", resourceNames: [], typeUrl: "", responseNonce: "" };
        const bytes = Buffer.from(encodeSotwRequest(request, encodeNode({ id })));
        client.makeUnaryRequest(call.path, call.requestSerialize, call.responseDeserialize, bytes, (error, reply) => {
          resolve(error ?? reply ?? Buffer.alloc(0));
        });
      });
    const response = decodeSotwResponse((await ask("n")) as Buffer);
    expect(response).toMatchObject({ typeUrl: Cluster.typeUrl, version: cache.get("n").get(Cluster.typeUrl)?.version });
    expect(response.resources).toHaveLength(1);
    expect(await ask("other")).toMatchObject({ code: status.UNAVAILABLE });
  });

  test("V3: a REST source follows, refuses by itself and keeps the last good form", async () => {
    const { cache, url } = await startRest();
    cache.set("n", [cluster("a"), cluster("b")]);
    const abort = new AbortController();
    const updates = watchRest(url, Cluster, ["*"], { node: { id: "n" }, refreshMs: 5, signal: abort.signal })[
      Symbol.asyncIterator
    ]();
    expect([...(await updates.next()).value.resources.keys()]).toEqual(["a", "b"]);
    // PGV: a connect timeout is greater than 0.
    cache.set("n", [cluster("a", 0n), cluster("c")]);
    const { value } = await updates.next();
    expect([...value.resources.keys()].sort()).toEqual(["a", "c"]);
    expect(value.resources.get("a")?.connectTimeout).toMatchObject({ seconds: 1n });
    expect(value.errors.get("a")?.kind).toBe("rejected");
    abort.abort();
    expect((await updates.next()).done).toBe(true);
  });

  test("V3: a REST source that cannot be reached says so, and a type without a path is refused", async () => {
    const abort = new AbortController();
    const updates = watchRest("http://127.0.0.1:1", Cluster, ["*"], { node: { id: "n" }, signal: abort.signal });
    for await (const { errors } of updates) {
      expect(errors.get("*")?.kind).toBe("connection");
      abort.abort();
    }
    const custom = { ...Cluster, typeUrl: "type.googleapis.com/example.Custom" };
    expect(() => watchRest("http://127.0.0.1:1", custom, ["*"], { node })).toThrow(
      expect.objectContaining({ code: "ERR_XDS_BOOTSTRAP_INVALID" }),
    );
  });
});

describe("files", () => {
  function folder(): string {
    const path = mkdtempSync(join(tmpdir(), "weft-xds-"));
    closers.push(() => rmSync(path, { recursive: true, force: true }));
    return path;
  }

  test("V4: what is published as files is followed as a file, on each move", async () => {
    const path = folder();
    const cache = createSnapshotCache();
    cache.set("n", [cluster("a")]);
    const publishing = publishFiles(cache, node, path);
    closers.push(() => publishing[Symbol.dispose]());
    expect(JSON.parse(readFileSync(join(path, "cds.json"), "utf8"))).toMatchObject({
      versionInfo: cache.get("n").get(Cluster.typeUrl)?.version,
      resources: [{ "@type": Cluster.typeUrl, name: "a" }],
    });
    const abort = new AbortController();
    const updates = watchFile(join(path, "cds.json"), Cluster, ["*"], { signal: abort.signal })[Symbol.asyncIterator]();
    expect([...(await updates.next()).value.resources.keys()]).toEqual(["a"]);
    const next = updates.next();
    cache.set("n", [cluster("b")]);
    expect([...(await next).value.resources.keys()]).toEqual(["b"]);
    const last = updates.next();
    abort.abort();
    expect((await last).done).toBe(true);
  });

  test("V4: nobody is told of a refusal, the last good form stays; broken YAML is an error with its place", async () => {
    const path = folder();
    const file = join(path, "eds.yaml");
    const abort = new AbortController();
    closers.push(() => abort.abort());
    const put = (text: string): void => {
      writeFileSync(`${file}.new`, text);
      renameSync(`${file}.new`, file);
    };
    const assignment = (weight: number) =>
      `resources:\n- "@type": ${ClusterLoadAssignment.typeUrl}\n  cluster_name: c\n  policy: { overprovisioning_factor: ${weight} }\n`;
    put(assignment(140));
    const updates = watchFile(file, ClusterLoadAssignment, ["c"], { signal: abort.signal, watchedDirectory: path })[
      Symbol.asyncIterator
    ]();
    expect((await updates.next()).value.resources.get("c")?.policy).toEqual({ overprovisioningFactor: 140 });
    const refused = updates.next();
    put("resources: [");
    const { value } = await refused;
    expect(value.errors.get("*")?.message).toMatch(/eds\.yaml:\d+:\d+/);
    expect(value.resources.get("c")?.policy).toEqual({ overprovisioningFactor: 140 });
    const mended = updates.next();
    put(assignment(150));
    expect((await mended).value.resources.get("c")?.policy).toEqual({ overprovisioningFactor: 150 });
  });
});

import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ChannelCredentials, Client, Metadata, status } from "@grpc/grpc-js";
import {
  createCa,
  createCsr,
  type Identity,
  jwtSigner,
  type RevocationList,
  rotate,
  SpiffeId,
  verifyJwtSvid,
  verifySvid,
} from "@weftmesh/cert";
import { parseEndpoint, workloadServer, workloadSource } from "@weftmesh/cert/services";
import { afterEach, describe, expect, test } from "vitest";
import {
  decodeX509SvidResponse,
  encodeX509SvidResponse,
  WORKLOAD_METHODS,
} from "../../packages/cert/src/workload-api.js";

const dir = mkdtempSync(join(tmpdir(), "weft-cert-"));
const cleanUps: (() => unknown)[] = [() => rmSync(dir, { recursive: true })];
afterEach(async () => {
  for (const one of cleanUps.splice(0).reverse()) await one();
});

const web = SpiffeId.parse("spiffe://td.test/ns/shop/sa/web");

async function endpoint() {
  const ca = createCa({ trustDomain: "td.test" });
  const jwt = jwtSigner({ trustDomain: ca.trustDomain });
  const other = createCa({ trustDomain: "fed.test" });
  const bundles = new Map([[other.trustDomain, other.bundle()]]);
  const own = rotate(ca.issuerFor(web), { bundles });
  await own.ready();
  const folder = mkdtempSync(join(tmpdir(), "weft-cert-"));
  const address = `unix://${join(folder, "api.sock")}`;
  const server = await workloadServer({ address, source: own, jwt });
  cleanUps.push(
    () => rmSync(folder, { recursive: true, force: true }),
    () => own[Symbol.dispose](),
    () => server.close(),
  );
  return { ca, own, server, address, jwt };
}

describe("the Workload API", () => {
  test("hands over certificate, key and bundles, and follows each rotation", async () => {
    const { own, address } = await endpoint();
    const failures: unknown[] = [];
    const client = workloadSource({ address, onFailure: (error) => failures.push(error) });
    cleanUps.push(() => client[Symbol.dispose]());
    const first = await client.ready();
    expect(first.svid.id).toBe(web);
    expect([...first.bundles.keys()].sort()).toEqual(["fed.test", "td.test"]);
    const next = new Promise<Identity>((resolve) => client.watch(resolve));
    await own.renew();
    const second = await next;
    expect(second.svid.key.exportPem()).toBe(own.current()?.svid.key.exportPem());
    expect(second.svid.key.exportPem()).not.toBe(first.svid.key.exportPem());
    expect(failures).toEqual([]);
  });

  test("issues tokens that validate by its bundle", async () => {
    const { address, jwt, ca } = await endpoint();
    const client = workloadSource({ address });
    cleanUps.push(() => client[Symbol.dispose]());
    const token = await client.fetchJwt(["svc"]);
    const bundles = new Map([[ca.trustDomain, { ...ca.bundle(), jwtAuthorities: [jwt.authority] }]]);
    expect(verifyJwtSvid(token, bundles, { audience: ["svc"] }, Date.now())).toMatchObject({
      kind: "verified",
      id: web,
    });
    await expect(client.fetchJwt([])).rejects.toMatchObject({ code: "ERR_CERT_SERVICE" });
  });

  test("hands over bundles to whoever needs no identity, and revocation lists to all", async () => {
    const { ca, own, address } = await endpoint();
    const client = workloadSource({ address });
    cleanUps.push(() => client[Symbol.dispose]());
    const { svid } = await client.ready();
    expect([...(await client.x509Bundles()).keys()].sort()).toEqual(["fed.test", "td.test"]);
    expect(verifySvid(svid.chain, await client.x509Bundles(), Date.now())).toMatchObject({ kind: "verified", id: web });

    const next = new Promise<Identity>((resolve) => client.watch(resolve));
    const other = ca.sign(createCsr().der, web);
    const list = ca.revoke(Buffer.from(other.serial, "hex"));
    own.updateBundles(new Map([[ca.trustDomain, { ...ca.bundle(), crls: [list] }]]));
    const { bundles } = await next;
    const revoked = { kind: "rejected", error: { code: "ERR_CERT_REVOKED" } };
    expect(verifySvid(other.chain, bundles, Date.now())).toMatchObject(revoked);
    expect(verifySvid(svid.chain, bundles, Date.now())).toMatchObject({ kind: "verified" });
    await expect
      .poll(async () => verifySvid(other.chain, await client.x509Bundles(), Date.now()))
      .toMatchObject(revoked);

    // Every message is the whole state: a list that is in it no more is none.
    const lifted = new Promise<Identity>((resolve) => client.watch(resolve));
    own.updateBundles(new Map([[ca.trustDomain, { ...ca.bundle(), crls: [] }]]));
    expect(verifySvid(other.chain, (await lifted).bundles, Date.now())).toMatchObject({ kind: "verified" });
  });

  test("loses no identity for a revocation list that cannot be read", async () => {
    const { own, address } = await endpoint();
    const failures: unknown[] = [];
    const [known, identity] = [own.current()?.bundles, own.current()?.svid.id];
    const bundles = new Map(
      [...(known ?? [])].map(([name, bundle]) => [
        name,
        { ...bundle, crls: [{ der: Uint8Array.of(1) } as RevocationList] },
      ]),
    );
    own.updateBundles(bundles);
    const client = workloadSource({ address, onFailure: (error) => failures.push(error) });
    cleanUps.push(() => client[Symbol.dispose]());
    expect((await client.ready()).svid.id).toBe(identity);
    expect(failures).toEqual([...bundles].map(() => expect.objectContaining({ code: "ERR_CERT_DER" })));
  });

  test("comes back after the endpoint was away", async () => {
    const { own, address, server } = await endpoint();
    const client = workloadSource({ address });
    cleanUps.push(() => client[Symbol.dispose]());
    await client.ready();
    const again = new Promise<Identity>((resolve) => client.watch(resolve));
    await server.close();
    const second = await workloadServer({ address, source: own });
    cleanUps.push(() => second.close());
    expect((await again).svid.id).toBe(web);
  });

  test.each([
    { name: "without the header", headers: {} },
    { name: "with another value", headers: { "workload.spiffe.io": "yes" } },
  ])("refuses callers $name", async ({ headers }) => {
    const { address } = await endpoint();
    const client = new Client(address.replace("unix://", "unix:"), ChannelCredentials.createInsecure());
    cleanUps.push(() => client.close());
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    const call = client.makeServerStreamRequest(
      WORKLOAD_METHODS.fetchX509Svid,
      (b: Buffer) => b,
      (b: Buffer) => b,
      Buffer.alloc(0),
      metadata,
    );
    const code = await new Promise((resolve) =>
      call.on("error", (error) => resolve((error as unknown as { code: number }).code)).resume(),
    );
    expect(code).toBe(status.INVALID_ARGUMENT);
  });

  test.each(["FetchWITSVID", "FetchWITBundles"])("says that it leaves %s out", async (method) => {
    const { address } = await endpoint();
    const client = new Client(address.replace("unix://", "unix:"), ChannelCredentials.createInsecure());
    cleanUps.push(() => client.close());
    const metadata = new Metadata();
    metadata.set("workload.spiffe.io", "true");
    const pass = (bytes: Buffer) => bytes;
    const path = `/SpiffeWorkloadAPI/${method}`;
    const call = client.makeServerStreamRequest(path, pass, pass, Buffer.alloc(0), metadata);
    const answer = new Promise((resolve) => call.on("error", resolve).resume());
    expect(await answer).toMatchObject({ code: status.UNIMPLEMENTED });
  });

  test("has a socket that nobody else can use", async () => {
    const { address } = await endpoint();
    expect(statSync(address.slice("unix://".length)).mode & 0o777).toBe(0o600);
  });
});

describe("the address of an endpoint", () => {
  test.each([
    { text: "unix:///run/api.sock", expected: { kind: "unix", path: "/run/api.sock" } },
    { text: "unix:/run/api.sock", expected: { kind: "unix", path: "/run/api.sock" } },
    { text: "tcp://127.0.0.1:8000", expected: { kind: "tcp", host: "127.0.0.1", port: 8000 } },
    { text: "tcp://[::1]:8000", expected: { kind: "tcp", host: "::1", port: 8000 } },
  ])("$text", ({ text, expected }) => {
    expect(parseEndpoint(text)).toEqual(expected);
  });

  test.each([
    "",
    "unix://foo",
    "unix:foo",
    "unix:///",
    "unix:///a?b",
    "tcp://localhost:1",
    "tcp://999.1.1.1:1",
    "tcp://1.2.3:1",
    "tcp://[::::]:1",
    "tcp://127.0.0.1",
    "tcp://127.0.0.1:0",
    "tcp://127.0.0.1:80/x",
    "http://127.0.0.1:1",
  ])("%s is refused", (text) => {
    expect(() => parseEndpoint(text)).toThrow(expect.objectContaining({ code: "ERR_CERT_ENDPOINT" }));
  });
});

test("a message with an empty mandatory field is thrown away", () => {
  const empty = new Uint8Array();
  const bytes = encodeX509SvidResponse({
    svids: [{ spiffeId: web, chain: Uint8Array.of(1), key: empty, bundle: empty, hint: "" }],
    crls: [],
    federatedBundles: {},
  });
  expect(() => decodeX509SvidResponse(bytes)).toThrow(expect.objectContaining({ code: "ERR_CERT_SERVICE" }));
});

/** What goes wrong around the package: calls in the wrong order, files that are no files, callbacks that throw. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createCa,
  createCsr,
  fileCaStore,
  fileSource,
  jwtSigner,
  matchAny,
  rotate,
  SpiffeId,
  tlsConnect,
  tlsServer,
  verifyJwtSvid,
  verifySvid,
  writeFileSet,
} from "@weftmesh/cert";
import {
  caClient,
  caServer,
  forwardedCaller,
  sharedTokens,
  workloadServer,
  workloadSource,
} from "@weftmesh/cert/services";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const web = SpiffeId.parse("spiffe://td.test/web");
const ca = createCa({ trustDomain: "td.test" });
const bundles = new Map([[ca.trustDomain, ca.bundle()]]);
const code = (expected: string) => expect.objectContaining({ code: expected });
const cleanUps: (() => unknown)[] = [];
let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "weft-cert-"));
  cleanUps.push(() => rmSync(dir, { recursive: true, force: true }));
});
afterEach(async () => {
  for (const one of cleanUps.splice(0).reverse()) await one();
});

describe("a source that is over", () => {
  test("lets nobody wait for what never comes", async () => {
    const never = rotate({ issue: () => new Promise(() => undefined) });
    never[Symbol.dispose]();
    never[Symbol.dispose]();
    await expect(never.ready()).rejects.toThrow(code("ERR_CERT_NO_IDENTITY"));
    await expect(never.renew()).rejects.toThrow(code("ERR_CERT_NO_IDENTITY"));
  });

  test("does not hand the last identity out as a renewed one", async () => {
    const source = rotate(ca.issuerFor(web));
    await source.ready();
    source[Symbol.dispose]();
    await expect(source.renew()).rejects.toThrow(code("ERR_CERT_NO_IDENTITY"));
  });
});

test("one watcher that throws does not keep the others on the old certificate", async () => {
  const source = rotate(ca.issuerFor(web));
  cleanUps.push(() => source[Symbol.dispose]());
  const first = await source.ready();
  const told: unknown[] = [];
  source.watch(() => {
    throw new Error("mine");
  });
  source.watch((identity) => told.push(identity));
  await expect(source.renew()).rejects.toThrow("mine");
  expect(told).toEqual([source.current()]);
  expect(source.current()?.version).toBe(first.version + 1);
});

describe("a clock that gives no number", () => {
  test("admits no certificate", () => {
    const { chain } = ca.sign(createCsr().der, web);
    expect(verifySvid(chain, bundles, Number.NaN)).toMatchObject({ kind: "rejected" });
  });

  test("admits no token", () => {
    const signer = jwtSigner({ trustDomain: ca.trustDomain });
    const keys = new Map([[ca.trustDomain, { ...ca.bundle(), jwtAuthorities: [signer.authority] }]]);
    const verdict = verifyJwtSvid(signer.sign(web, ["svc"]), keys, { audience: ["svc"] }, Number.NaN);
    expect(verdict).toMatchObject({ kind: "rejected" });
  });

  test("issues nothing", () => {
    let now = Date.now();
    const broken = createCa({ trustDomain: "td.test", clock: { now: () => now } });
    now = Number.NaN;
    expect(() => broken.sign(createCsr().der, web)).toThrow(code("ERR_CERT_CA_NOT_READY"));
  });
});

describe("a token that no header may have", () => {
  test.each(["s3cr\net", "s3cr\u00e9t", ""])("is refused without being repeated: %j", async (token) => {
    const client = caClient({ address: "127.0.0.1:1", bundles, token, attempts: 1 });
    cleanUps.push(() => client.close());
    const failure: unknown = await client.issue(createCsr().der).catch((error: unknown) => error);
    expect(failure).toEqual(code("ERR_CERT_OPTION"));
    expect(String(failure)).not.toContain("s3cr");
  });

  test("is one no more without the line break at the end of its file", async () => {
    const server = await caServer({
      ca,
      insecure: true,
      authenticators: [sharedTokens(new Map([["s3cret", web]]))],
    });
    const client = caClient({ address: server.address, insecure: true, token: "s3cret\n", attempts: 1 });
    cleanUps.push(
      () => server.close(),
      () => client.close(),
    );
    const { chain } = await client.issue(createCsr().der);
    expect(verifySvid(chain, bundles, Date.now())).toMatchObject({ kind: "verified", id: web });
  });
});

test("what cannot be recorded is not issued, and the service goes on", async () => {
  let full = true;
  const server = await caServer({
    ca,
    insecure: true,
    authenticators: [sharedTokens(new Map([["s3cret", web]]))],
    onAnswer() {
      if (full) throw new Error("/var/log/issued: no space left");
    },
  });
  const client = caClient({ address: server.address, insecure: true, token: "s3cret", attempts: 1 });
  cleanUps.push(
    () => server.close(),
    () => client.close(),
  );
  await expect(client.issue(createCsr().der)).rejects.toThrow("INTERNAL: internal error");
  full = false;
  expect((await client.issue(createCsr().der)).chain.length).toBeGreaterThan(0);
});

describe("a matcher that throws", () => {
  const broken = () => {
    throw new Error("mine");
  };
  const refused = code("ERR_CERT_PEER_NOT_AUTHORIZED");

  test.each([
    { side: "client", client: broken, server: matchAny },
    { side: "server", client: matchAny, server: broken },
  ])("refuses the peer, on the $side", async ({ side, client, server }) => {
    const source = rotate(ca.issuerFor(web));
    cleanUps.push(() => source[Symbol.dispose]());
    await source.ready();
    const seen: unknown[] = [];
    const errors: unknown[] = [];
    const onRejected = ({ error }: { error: unknown }) => errors.push(error);
    const listener = tlsServer(source, { authorize: server, onRejected }, (socket) => {
      seen.push(socket.on("error", () => undefined));
    });
    cleanUps.push(() => listener.close());
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    const { port } = listener.address() as AddressInfo;
    const dialled = tlsConnect(source, { authorize: client, host: "127.0.0.1", port });
    if (side === "client") await expect(dialled).rejects.toThrow(refused);
    else {
      await expect.poll(() => errors).toEqual([refused]);
      (await dialled.catch(() => undefined))?.destroy();
      expect(seen).toEqual([]);
    }
  });
});

describe("an option that makes no sense is refused:", () => {
  test.each([Number.NaN, -1])("a time of %d", (value) => {
    const wrong = code("ERR_CERT_OPTION");
    expect(() => createCa({ trustDomain: "td.test", backdateMs: value })).toThrow(wrong);
    expect(() => rotate(ca.issuerFor(web), { requestTimeoutMs: value })).toThrow(wrong);
    expect(() => rotate(ca.issuerFor(web), { backoffMs: { base: value, max: 1 } })).toThrow(wrong);
    expect(() => rotate(ca.issuerFor(web), { backoffMs: { base: 1, max: value } })).toThrow(wrong);
  });

  test.each(["", ".", "a..b", "a,URI:spiffe://td.test/admin", "a b", "\u00e9.test", "a\0", "*", "a.*", "x".repeat(64)])(
    "a DNS name %j",
    (name) => {
      expect(() => ca.sign(createCsr().der, web, { dnsNames: ["web.test", name] })).toThrow(code("ERR_CERT_OPTION"));
    },
  );
});

// Without a length after its slash a network would be everything.
test.each(["10.0.0.0/33", "10.0.0.0/", "::1/", "10.0.0.0/8/9", "10.0.0.0/-1", "10.0.0", ""])(
  "%j is no network whose proxies are trusted",
  (network) => {
    expect(() => forwardedCaller([network], ca.trustDomain)).toThrow(code("ERR_CERT_OPTION"));
  },
);

test("a default lifetime never exceeds the longest", () => {
  const strict = createCa({ trustDomain: "td.test", maxTtlMs: 3_600_000 });
  const { notAfter } = strict.sign(createCsr().der, web);
  expect(notAfter).toBeLessThanOrEqual(Date.now() + 3_601_000);
});

describe("a set of files", () => {
  test.each(["../evil", "a/b", "..data", ".", "..", "", "a\0b"])("has no file named %j", (name) => {
    expect(() => writeFileSet(join(dir, "set"), { [name]: "x" })).toThrow(code("ERR_CERT_FILE"));
    expect(existsSync(join(dir, "set"))).toBe(false);
  });

  test("that cannot be switched to leaves the old one, and no key behind", () => {
    writeFileSet(dir, { "key.pem": "old" });
    const before = readdirSync(dir).sort();
    // A name longer than the system allows.
    expect(() => writeFileSet(dir, { "key.pem": "new", ["x".repeat(300)]: "new" })).toThrow(code("ERR_CERT_FILE"));
    expect(readdirSync(dir).sort()).toEqual(before);
    expect(readFileSync(join(dir, "key.pem"), "utf8")).toBe("old");
  });

  test("under something that is no folder is an error of ours", () => {
    writeFileSync(join(dir, "file"), "");
    expect(() => writeFileSet(join(dir, "file", "set"), { a: "x" })).toThrow(code("ERR_CERT_FILE"));
    expect(() => createCa({ trustDomain: "td.test", store: fileCaStore(join(dir, "file", "ca.json")) })).toThrow(
      code("ERR_CERT_FILE"),
    );
  });
});

test("a pipe in place of a key holds nothing up", () => {
  execFileSync("mkfifo", ["-m", "600", join(dir, "key.pem")]);
  const failures: unknown[] = [];
  fileSource({ directory: dir, onFailure: (error) => failures.push(error) })[Symbol.dispose]();
  expect(failures).toEqual([code("ERR_CERT_FILE")]);
});

describe("a store", () => {
  test("remembers what was revoked", () => {
    const path = join(dir, "ca.json");
    const first = createCa({ trustDomain: "td.test", store: fileCaStore(path) });
    const { chain, serial } = first.sign(createCsr().der, web);
    const before = first.revoke(Buffer.from(serial, "hex"));
    const again = createCa({ trustDomain: "td.test", store: fileCaStore(path) });
    const list = again.crl();
    const revoking = new Map([[again.trustDomain, { ...again.bundle(), crls: [list] }]]);
    expect(verifySvid(chain, revoking, Date.now())).toMatchObject({ error: { code: "ERR_CERT_REVOKED" } });
    expect([...list.revoked]).toEqual([...before.revoked]);
  });

  test.each([
    "",
    "null",
    "[]",
    "{}",
    '{"signer":{"caCert":"","caKey":"","rootCert":""},"roll":null}',
    '{"signer":{"caCert":"","caKey":"","rootCert":""},"roll":{"phase":"idle","bundleVersion":1,"holders":null}}',
  ])("that holds no CA is neither taken for one nor written over: %j", (text) => {
    const path = join(dir, "ca.json");
    writeFileSync(path, text, { mode: 0o600 });
    expect(() => createCa({ trustDomain: "td.test", store: fileCaStore(path) })).toThrow(code("ERR_CERT_FILE"));
    expect(readFileSync(path, "utf8")).toBe(text);
  });
});

describe("a workload endpoint", () => {
  test.each([
    { name: "has a path that the system would cut off", path: () => join(dir, "x".repeat(120)) },
    { name: "lies under a file", path: () => join(dir, "file", "api.sock") },
    { name: "is a file of somebody else's", path: () => join(dir, "file") },
  ])("that $name is refused", async ({ path }) => {
    writeFileSync(join(dir, "file"), "");
    const source = rotate(ca.issuerFor(web));
    cleanUps.push(() => source[Symbol.dispose]());
    await expect(workloadServer({ address: `unix://${path()}`, source })).rejects.toThrow(code("ERR_CERT_ENDPOINT"));
    expect(readdirSync(dir)).toEqual(["file"]);
  });

  test("that is away keeps nobody waiting once the client is over", async () => {
    const client = workloadSource({ address: `unix://${join(dir, "none.sock")}` });
    const waiting = [client.ready(), client.jwtBundles()];
    client[Symbol.dispose]();
    client[Symbol.dispose]();
    for (const one of [...waiting, client.ready(), client.jwtBundles(), client.fetchJwt(["svc"])]) {
      await expect(one).rejects.toThrow(code("ERR_CERT_NO_IDENTITY"));
    }
  });
});

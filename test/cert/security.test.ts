/** Demands of the specification (cert, section 7) that no other file tests. */
import { execFileSync } from "node:child_process";
import { sign as cryptoSign, generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createCa,
  createCsr,
  followBundle,
  importKey,
  jwtSigner,
  parseBundle,
  parseCertificates,
  parseCsr,
  pluggedInCa,
  SpiffeId,
  TrustDomain,
  trustBundle,
  verifyJwtSvid,
  verifySvid,
} from "@weftmesh/cert";
import {
  auditLog,
  caServer,
  type IssuanceRecord,
  jwtCaller,
  sharedTokens,
  workloadServer,
} from "@weftmesh/cert/services";
import { afterEach, describe, expect, test, vi } from "vitest";
import { createCertificate } from "../../packages/cert/src/certificate-service.js";
import { DerReader } from "../../packages/cert/src/der/reader.js";
import { systemScheduler } from "../../packages/cert/src/shell/clock.js";
import { forge, NOW } from "./forge.js";
import { cleanUp, source, undo } from "./tls-ends.js";

afterEach(cleanUp);

const td = TrustDomain.parse("td.test");
const web = SpiffeId.parse("spiffe://td.test/ns/shop/sa/web");
const code = (expected: string) => expect.objectContaining({ code: expected });
const DAY = 86_400_000;

describe("secrets are compared in constant time", () => {
  test.each(["", "t", "a-token-that-is-much-longer-than-the-right-one", "right-t0ken", "\u0000"])(
    "and a wrong one of any length is refused: %j",
    async (wrong) => {
      const authenticator = sharedTokens(new Map([["right-token", web]]));
      const evidence = (token: string) => ({
        header: () => `Bearer ${token}`,
        peer: undefined,
        remoteAddress: undefined,
      });
      expect(await authenticator.authenticate(evidence(wrong), () => undefined)).toBeUndefined();
      expect(await authenticator.authenticate(evidence("right-token"), () => undefined)).toMatchObject({ id: web });
    },
  );
});

describe("lifetimes and clocks", () => {
  test("an issuer that has not begun does not issue", () => {
    let now = NOW;
    const ca = createCa({ trustDomain: "td.test", clock: { now: () => now } });
    now -= DAY;
    expect(() => ca.sign(createCsr().der, web)).toThrow(code("ERR_CERT_CA_NOT_READY"));
    expect(() => ca.intermediate()).toThrow(code("ERR_CERT_CA_NOT_READY"));
  });

  test("a token's leeway is a minute, whatever is asked for", () => {
    const signer = jwtSigner({ trustDomain: td, clock: { now: () => NOW }, ttlMs: 1000 });
    const bundles = new Map([[td, { ...trustBundle(td, []), jwtAuthorities: [signer.authority] }]]);
    const token = signer.sign(web, ["svc"]);
    const at = (now: number) => verifyJwtSvid(token, bundles, { audience: ["svc"], leewayMs: DAY }, now).kind;
    expect([at(NOW + 61_000), at(NOW + 61_001)]).toEqual(["verified", "rejected"]);
  });

  test("a timer of years does not fire at once", () => {
    vi.useFakeTimers();
    undo(() => vi.useRealTimers());
    const fired = vi.fn();
    systemScheduler.after(100 * DAY, fired);
    vi.advanceTimersByTime(100 * DAY - 1);
    expect(fired).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(fired).toHaveBeenCalledOnce();
  });
});

describe("a signing request", () => {
  const { pem, der } = createCsr();
  const openssl = (...args: string[]): string =>
    execFileSync("openssl", args, { stdio: ["ignore", "pipe", "ignore"] }).toString();
  const request = (...algorithm: string[]): string =>
    openssl("req", "-new", "-nodes", "-keyout", "/dev/null", "-subj", "/CN=x", ...algorithm);

  test.each([
    { name: "two blocks", input: () => pem + pem, expected: "ERR_CERT_CSR_MALFORMED" },
    { name: "bytes after it", input: () => Uint8Array.of(...der, 0), expected: "ERR_CERT_CSR_MALFORMED" },
    {
      name: "a changed byte",
      input: () => der.with(der.length - 1, (der.at(-1) ?? 0) ^ 1),
      expected: "ERR_CERT_CSR_SIGNATURE",
    },
    { name: "RSA of 1024 bits", input: () => request("-newkey", "rsa:1024"), expected: "ERR_CERT_WEAK_KEY" },
    {
      name: "a key on secp256k1",
      input: () => request("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"),
      expected: "ERR_CERT_UNSUPPORTED_KEY",
    },
    {
      name: "a key on P-224",
      input: () => request("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp224r1"),
      expected: "ERR_CERT_UNSUPPORTED_KEY",
    },
    {
      name: "a SHA-1 signature",
      input: () => request("-newkey", "rsa:2048", "-sha1"),
      expected: "ERR_CERT_WEAK_SIGNATURE",
    },
  ])("with $name is refused", ({ input, expected }) => {
    const ca = createCa({ trustDomain: "td.test" });
    expect(() => ca.sign(input(), web)).toThrow(code(expected));
  });

  test("gives nothing but its key: no name, no subject, no extension", () => {
    const names = "subjectAltName=DNS:evil.test,URI:spiffe://td.test/admin,IP:10.0.0.1";
    const extensions = [
      "-addext",
      names,
      "-addext",
      "basicConstraints=critical,CA:TRUE",
      "-addext",
      "keyUsage=keyCertSign",
    ];
    const csr = request("-newkey", "rsa:2048", "-subj", "/CN=admin/O=evil", ...extensions);
    const [leaf] = createCa({ trustDomain: "td.test" }).sign(csr, web).chain;
    expect(leaf?.names).toEqual([{ kind: "uri", value: web }]);
    expect(leaf).toMatchObject({ ca: false, keyUsage: { keyCertSign: false } });
    expect(Buffer.from(leaf?.subject ?? []).includes("evil")).toBe(false);
    expect(parseCsr(csr).requested.names.length).toBe(3);
  });

  test("that asks for other names is told to the log, or refused if that is the policy", async () => {
    const ca = createCa({ trustDomain: "td.test" });
    const csr = createCsr({ id: SpiffeId.parse("spiffe://td.test/admin") }).pem;
    const authenticators = [sharedTokens(new Map([["t", web]]))];
    const evidence = { header: () => "Bearer t", peer: undefined, remoteAddress: undefined };
    const records: IssuanceRecord[] = [];
    const log = auditLog((record) => records.push(record));
    for (const otherNames of ["ignore", "reject"] as const) {
      log(
        await createCertificate(
          { ca, authenticators, otherNames },
          { csr, validitySeconds: 0, metadata: {} },
          evidence,
        ),
      );
    }
    expect(records).toMatchObject([
      { kind: "issued", id: web, ignored: ["spiffe://td.test/admin"] },
      { kind: "refused", code: "ERR_CERT_CSR_POLICY" },
    ]);
  });
});

describe("what is issued", () => {
  test("has key identifiers, and a critical name because its subject is empty", () => {
    const ca = createCa({ trustDomain: "td.test" });
    const [leaf] = ca.sign(createCsr().der, web).chain;
    expect(leaf).toMatchObject({ namesCritical: true });
    expect(leaf?.authorityKeyId).toEqual(ca.issuer.subjectKeyId);
    expect(leaf?.subjectKeyId?.length).toBe(20);
  });

  test("as an intermediate may sign leaves of its domain and no CA; openssl agrees", () => {
    const root = createCa({ trustDomain: "td.test" });
    const material = root.intermediate();
    const ca = pluggedInCa(material, { trustDomain: "td.test" });
    expect(ca.issuer).toMatchObject({ ca: true, pathLength: 0 });
    expect(() => ca.intermediate()).toThrow(code("ERR_CERT_PATH_LENGTH"));
    const svid = ca.sign(createCsr().der, web);
    const bundles = new Map([[td, root.bundle()]]);
    expect(verifySvid(svid.chain, bundles, Date.now())).toMatchObject({ kind: "verified", id: web });
    const dir = mkdtempSync(join(tmpdir(), "weft-cert-"));
    for (const [name, text] of Object.entries({ leaf: svid.chainPem, root: material.rootCert, ca: material.caCert })) {
      writeFileSync(join(dir, name), text);
    }
    const args = ["verify", "-x509_strict", "-CAfile", "root", "-untrusted", "ca", "leaf"];
    expect(execFileSync("openssl", args, { cwd: dir }).toString()).toBe("leaf: OK\n");
    rmSync(dir, { recursive: true });
    // The key of the intermediate, used for an ID of another domain, by somebody who trusts the root for that one too.
    const [certificate] = parseCertificates(material.caCert);
    if (!certificate) throw new Error("no certificate");
    const recently = { notBefore: Date.now() - 1000, notAfter: Date.now() + 60_000 };
    const issuer = { certificate, key: importKey(material.caKey) };
    const foreign = forge({ issuer, uris: ["spiffe://evil.test/a"], ...recently });
    const evil = TrustDomain.parse("evil.test");
    const trusting = new Map([[evil, trustBundle(evil, root.bundle().x509Authorities)]]);
    const verdict = verifySvid([foreign.certificate, certificate], trusting, Date.now());
    expect(["ERR_CERT_NAME_CONSTRAINT", "ERR_CERT_ISSUER_ID"]).toContain(
      verdict.kind === "rejected" ? verdict.error.code : "verified",
    );
    expect(certificate.nameConstraints).toEqual({ permitted: [{ kind: "uri", value: "td.test" }], excluded: [] });
  });
});

describe("federation", () => {
  test("keeps the last bundle, and waits a minute at least", async () => {
    const waits: number[] = [];
    const scheduler = {
      now: () => NOW,
      after: (delay: number) => {
        waits.push(delay);
        return { [Symbol.dispose]: () => undefined };
      },
    };
    const failures: unknown[] = [];
    const bundle = { ...trustBundle(td, []), refreshHintSeconds: 1 };
    using _following = followBundle(
      { trustDomain: td, url: "https://127.0.0.1:1/", bundle },
      {
        onBundle: () => failures.push("another bundle"),
        onFailure: (error) => failures.push(error),
        scheduler,
        timeoutMs: 500,
      },
    );
    await expect.poll(() => waits.length).toBe(1);
    expect(waits).toEqual([60_000]);
    expect(failures).toMatchObject([{ code: "ECONNREFUSED" }]);
  });
});

describe("services", () => {
  test.each(["tcp://0.0.0.0:8000", "tcp://192.0.2.1:8000"])("the Workload API is not served on %s", async (address) => {
    const own = await source(createCa({ trustDomain: "td.test" }), "a");
    await expect(workloadServer({ address, source: own })).rejects.toMatchObject({ code: "ERR_CERT_ENDPOINT" });
  });

  test("the certificate service is not served in plain text by omission", async () => {
    const ca = createCa({ trustDomain: "td.test" });
    await expect(caServer({ ca, authenticators: [] })).rejects.toMatchObject({ code: "ERR_CERT_OPTION" });
  });
});

describe("parsing", () => {
  test("is bounded in depth and never recursive on its own", () => {
    const deep = `${"[".repeat(20)}${"]".repeat(20)}`;
    expect(() => parseBundle(`{"keys":[],"x":${deep}}`, td)).toThrow(code("ERR_CERT_JSON"));
    const nested = Uint8Array.from(Array.from({ length: 60 }, (_, i) => [0x30, 118 - 2 * i]).flat());
    expect(() => new DerReader(nested, "x").enter().enter().end()).toThrow(code("ERR_CERT_DER"));
  });

  test.each([
    { name: "an indefinite length", bytes: [0x30, 0x80, 0, 0] },
    { name: "a length that is not minimal", bytes: [0x30, 0x81, 0x01, 0] },
    { name: "a length with a leading zero", bytes: [0x30, 0x82, 0, 0x80] },
    { name: "a length of five octets", bytes: [0x30, 0x85, 1, 0, 0, 0, 0] },
    { name: "a long tag", bytes: [0x3f, 0x81, 0x01, 0] },
  ])("refuses $name", ({ bytes }) => {
    expect(() => new DerReader(Uint8Array.from(bytes), "x").next()).toThrow(code("ERR_CERT_DER"));
  });
});

test("a weak key authenticates nobody to the CA", async () => {
  const now = Date.UTC(2027, 0, 1);
  const outcome = async (modulusLength: number) => {
    const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength });
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const claims = { iss: "issuer", sub: "system:serviceaccount:shop:web", aud: "istio-ca", exp: now / 1000 + 60 };
    const signed = `${part({ alg: "RS256" })}.${part(claims)}`;
    const token = `${signed}.${cryptoSign("sha256", Buffer.from(signed), privateKey).toString("base64url")}`;
    const authenticator = jwtCaller({
      issuer: "issuer",
      keys: () => [{ keyId: "k", jwk: publicKey.export({ format: "jwk" }) as Record<string, string> }],
      trustDomain: td,
      clock: { now: () => now },
    });
    const evidence = { header: () => `Bearer ${token}`, peer: undefined, remoteAddress: undefined };
    return (await authenticator.authenticate(evidence, () => undefined))?.id;
  };
  expect(await outcome(2048)).toBe(web);
  expect(await outcome(1024)).toBeUndefined();
});

test("weak algorithms are refused on the verifying side too", () => {
  // sha1WithRSAEncryption
  const sha1 = Uint8Array.of(0x30, 0x0d, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5, 5, 0);
  const root = forge({ ca: true, keyAlgorithm: "RSA-2048" });
  const leaf = forge({ issuer: root, signatureAlgorithm: sha1 });
  const verdict = verifySvid([leaf.certificate], new Map([[td, trustBundle(td, [root.certificate])]]), NOW);
  expect(verdict).toMatchObject({ kind: "rejected", error: { code: "ERR_CERT_WEAK_SIGNATURE" } });
});

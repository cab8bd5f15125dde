import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import {
  createCa,
  createCsr,
  generateKey,
  importKey,
  type KeyAlgorithm,
  parseCsr,
  SpiffeId,
  verifySvid,
} from "@weftmesh/cert";
import { describe, expect, test } from "vitest";
import { checkIssued, type IssuanceOrder, issuedSignatureError } from "../../packages/cert/src/issuance.js";
import { forge, HOUR, NOW } from "./forge.js";

const web = SpiffeId.parse("spiffe://td.test/ns/shop/sa/web");
const DAY = 24 * HOUR;
const code = (expected: string) => expect.objectContaining({ code: expected });

function ca(options = {}) {
  let now = NOW;
  const made = createCa({ trustDomain: "td.test", clock: { now: () => now }, ...options });
  return {
    ca: made,
    at: (time: number) => {
      now = time;
    },
  };
}

describe("issuing", () => {
  test("a leaf carries the caller's identity, and passes what we verify", () => {
    const { ca: authority } = ca();
    const svid = authority.sign(createCsr({ id: SpiffeId.parse("spiffe://td.test/somebody-else") }).pem, web);
    const verdict = verifySvid(svid.chain, new Map([[authority.trustDomain, authority.bundle()]]), NOW);
    expect(verdict).toMatchObject({ kind: "verified", id: web });
    expect(svid.notBefore).toBe(NOW - 120_000);
    expect(svid.notAfter).toBe(NOW + DAY);
  });

  test.each<{ algorithm: KeyAlgorithm }>([
    { algorithm: "P-256" },
    { algorithm: "P-384" },
    { algorithm: "P-521" },
    { algorithm: "Ed25519" },
    { algorithm: "RSA-2048" },
  ])("$algorithm works for the CA and for the leaf, and openssl agrees", async ({ algorithm }) => {
    const { ca: authority } = ca({ keyAlgorithm: algorithm });
    const csr = createCsr({ keyAlgorithm: algorithm });
    const svid = await authority.signAsync(csr.der, web);
    const dir = mkdtempSync(join(tmpdir(), "weft-cert-"));
    const root = authority.bundle().x509Authorities[0];
    writeFileSync(join(dir, "csr.pem"), csr.pem);
    writeFileSync(join(dir, "leaf.pem"), svid.chainPem);
    writeFileSync(join(dir, "root.der"), root?.der ?? new Uint8Array());
    const openssl = (...args: string[]): string =>
      execFileSync("openssl", args, { cwd: dir, stdio: ["ignore", "pipe", "pipe"] }).toString();
    openssl("x509", "-inform", "DER", "-in", "root.der", "-out", "root.pem");
    expect(openssl("req", "-in", "csr.pem", "-verify", "-noout", "-text")).toContain("Version: 1 (0x0)");
    expect(
      openssl(
        "verify",
        "-x509_strict",
        "-attime",
        String(NOW / 1000),
        "-purpose",
        "sslserver",
        "-CAfile",
        "root.pem",
        "leaf.pem",
      ),
    ).toContain("OK");
    expect(openssl("x509", "-in", "leaf.pem", "-noout", "-ext", "subjectAltName")).toContain(`URI:${web}`);
    rmSync(dir, { recursive: true });
  });

  test("serial numbers are positive, of twenty octets, and never the same", () => {
    const { ca: authority } = ca();
    const csr = createCsr();
    const serials = Array.from({ length: 200 }, () => authority.sign(csr.der, web).serial);
    expect(new Set(serials).size).toBe(200);
    expect(serials.every((serial) => /^[4-7][0-9a-f]{39}$/.test(serial))).toBe(true);
  });

  test.each([
    { name: "nothing asked", ttlMs: undefined, expected: DAY },
    { name: "zero asked", ttlMs: 0, expected: DAY },
    { name: "less than zero asked", ttlMs: -5000, expected: DAY },
    { name: "an hour asked", ttlMs: HOUR, expected: HOUR },
  ])("$name gives $expected ms", ({ ttlMs, expected }) => {
    const { ca: authority } = ca();
    const svid = authority.sign(createCsr().der, web, ttlMs === undefined ? {} : { ttlMs });
    expect(svid.notAfter - NOW).toBe(expected);
  });

  test("a leaf never outlives its issuer", () => {
    const { ca: authority, at } = ca({ rootTtlMs: 2 * HOUR });
    at(NOW + HOUR);
    expect(authority.sign(createCsr().der, web).notAfter).toBe(authority.issuer.notAfter);
  });

  test.each([
    {
      name: "a lifetime above the maximum",
      run: () => ca().ca.sign(createCsr().der, web, { ttlMs: 91 * DAY }),
      expected: "ERR_CERT_TTL",
    },
    {
      name: "an identity of another domain",
      run: () => ca().ca.sign(createCsr().der, SpiffeId.parse("spiffe://other.test/a")),
      expected: "ERR_CERT_CSR_POLICY",
    },
    {
      name: "an identity without a path",
      run: () => ca().ca.sign(createCsr().der, SpiffeId.parse("spiffe://td.test")),
      expected: "ERR_CERT_CSR_POLICY",
    },
    { name: "a request of 64 KiB", run: () => parseCsr(new Uint8Array(65_537)), expected: "ERR_CERT_CSR_TOO_LARGE" },
    {
      name: "a certificate instead of a request",
      run: () => parseCsr(forge().certificate.der),
      expected: "ERR_CERT_CSR_MALFORMED",
    },
    { name: "a lifetime that is none", run: () => ca({ rootTtlMs: 0 }), expected: "ERR_CERT_OPTION" },
    { name: "a key that is none", run: () => importKey("no key"), expected: "ERR_CERT_PEM" },
  ])("$name is refused", ({ run, expected }) => {
    expect(run).toThrow(code(expected));
  });

  test("a CA that is over does not issue", () => {
    const { ca: authority, at } = ca({ rootTtlMs: HOUR });
    at(NOW + 2 * HOUR);
    expect(() => authority.sign(createCsr().der, web)).toThrow(code("ERR_CERT_CA_NOT_READY"));
  });

  test("a request for somebody else's key is refused", () => {
    const [mine, theirs] = [generateKey(), generateKey()];
    const forged = createCsr({
      key: {
        ...mine,
        algorithm: mine.algorithm,
        publicKey: theirs.publicKey,
        sign: (data) => mine.sign(data),
      } as typeof mine,
    });
    expect(() => ca().ca.sign(forged.der, web)).toThrow(code("ERR_CERT_CSR_SIGNATURE"));
  });

  test("what does not have the profile does not leave", () => {
    const { ca: authority } = ca();
    const leaf = forge();
    const order = {
      id: web,
      now: NOW,
      request: parseCsr(createCsr().der),
      issuers: [authority.issuer],
    } as unknown as IssuanceOrder;
    expect(() => checkIssued(leaf.certificate.der, order)).toThrow(code("ERR_CERT_ISSUED_PROFILE"));
    expect(issuedSignatureError().code).toBe("ERR_CERT_ISSUED_PROFILE");
  });
});

describe("a private key", () => {
  test("does not print", () => {
    const key = generateKey();
    const secret = key.exportPem().split("\n")[1] ?? "";
    const shown = [
      inspect(key, { depth: 9, showHidden: true }),
      JSON.stringify({ key }),
      `${key}`,
      String(createCsr({ key }).key),
    ];
    expect(shown.join("\n")).not.toContain(secret);
    expect(shown[0]).toBe("[private key P-256]");
  });

  test.each<{ format: string; pem: () => string }>([
    { format: "PKCS#8", pem: () => generateKey().exportPem() },
    {
      format: "SEC1",
      pem: () => execFileSync("openssl", ["ecparam", "-name", "prime256v1", "-genkey", "-noout"]).toString(),
    },
  ])("comes in from $format", ({ pem }) => {
    expect(importKey(pem()).algorithm).toBe("P-256");
  });
});

describe("the root roll", () => {
  test("goes step by step, each with what the others can still verify", () => {
    const { ca: authority, at } = ca({ defaultTtlMs: HOUR });
    const first = authority.sign(createCsr().der, web);
    const bundlesThen = new Map([[authority.trustDomain, authority.bundle()]]);
    authority.roll.acknowledge("a", 1);
    expect(authority.roll.prepare()).toMatchObject({ phase: "prepared", bundleVersion: 2, pending: ["a"] });
    const second = authority.sign(createCsr().der, web);
    expect(verifySvid(second.chain, bundlesThen, NOW).kind).toBe("verified");
    expect(() => authority.roll.activate()).toThrow(code("ERR_CERT_ROLL_STATE"));
    authority.roll.acknowledge("a", 2);
    expect(authority.roll.activate()).toMatchObject({ phase: "active", oldLeavesUntil: NOW + HOUR });
    const third = authority.sign(createCsr().der, web);
    const bundlesNow = new Map([[authority.trustDomain, authority.bundle()]]);
    for (const svid of [first, second, third]) expect(verifySvid(svid.chain, bundlesNow, NOW).kind).toBe("verified");
    expect(() => authority.roll.retire()).toThrow(code("ERR_CERT_ROLL_STATE"));
    at(NOW + HOUR + 1000);
    expect(authority.roll.retire()).toMatchObject({ phase: "idle", bundleVersion: 3 });
    expect(authority.bundle().x509Authorities).toEqual([authority.issuer]);
  });

  test.each([
    { name: "prepare twice", run: (roll: ReturnType<typeof createCa>["roll"]) => [roll.prepare(), roll.prepare()] },
    { name: "activate what is not prepared", run: (roll: ReturnType<typeof createCa>["roll"]) => roll.activate() },
    {
      name: "retire what is not active",
      run: (roll: ReturnType<typeof createCa>["roll"]) => roll.retire({ force: true }),
    },
    {
      name: "acknowledge what is not out",
      run: (roll: ReturnType<typeof createCa>["roll"]) => roll.acknowledge("a", 9),
    },
  ])("refuses to $name", ({ run }) => {
    expect(() => run(ca().ca.roll)).toThrow(code("ERR_CERT_ROLL_STATE"));
  });

  test("a holder that is gone is not waited for", () => {
    const { roll } = ca().ca;
    roll.acknowledge("gone", 1);
    roll.prepare();
    roll.forget("gone");
    expect(roll.activate().phase).toBe("active");
  });
});

import { execFileSync } from "node:child_process";
import { createPrivateKey } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import {
  CertError,
  createCa,
  createCsr,
  formatBundle,
  formatPem,
  jwtSigner,
  parseBundle,
  parseCertificate,
  parseCertificates,
  parseCrl,
  parseCsr,
  SpiffeId,
  TrustDomain,
  trustBundle,
  verifyJwtSvid,
  verifySvid,
} from "@weftmesh/cert";
import { describe, expect, test } from "vitest";
import { readFields } from "../../packages/cert/src/protobuf.js";
import { heapBytes, mutate, random } from "./mutation.js";

const td = TrustDomain.parse("td.test");
const web = SpiffeId.parse("spiffe://td.test/ns/shop/sa/web");
const ca = createCa({ trustDomain: "td.test" });
const csr = createCsr({ id: web });
const svid = ca.sign(csr.der, web);
const [leaf] = svid.chain;
const jwt = jwtSigner({ trustDomain: td });
const bundle = { ...ca.bundle(), jwtAuthorities: [jwt.authority], refreshHintSeconds: 300 };
const bundles = new Map([[td, bundle]]);
const token = jwt.sign(web, ["svc"]);
const list = ca.revoke(leaf?.serial ?? new Uint8Array());
/** Inputs of each kind: `WEFTMESH_FUZZ=125000` makes a million of them. */
const ROUNDS = Number(process.env["WEFTMESH_FUZZ"] ?? 3000);
const LONG = 10_000 + ROUNDS * 10;

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
const encode = (value: string): Uint8Array => Uint8Array.from(Buffer.from(value, "latin1"));

describe("mutated input is an error of ours or a verdict, and takes no time", () => {
  test.each<{ name: string; input: Uint8Array; read: (bytes: Uint8Array) => unknown }>([
    { name: "certificates", input: leaf?.der ?? new Uint8Array(), read: (bytes) => parseCertificate(bytes) },
    { name: "chains", input: leaf?.der ?? new Uint8Array(), read: (bytes) => verifySvid([bytes], bundles, Date.now()) },
    { name: "PEM", input: encode(svid.chainPem), read: (bytes) => parseCertificates(text(bytes)) },
    { name: "signing requests", input: csr.der, read: (bytes) => parseCsr(bytes) },
    { name: "revocation lists", input: list.der, read: (bytes) => parseCrl(bytes) },
    {
      name: "tokens",
      input: encode(token),
      read: (bytes) => verifyJwtSvid(text(bytes), bundles, { audience: ["svc"] }, Date.now()),
    },
    { name: "bundles", input: encode(formatBundle(bundle)), read: (bytes) => parseBundle(text(bytes), td) },
    { name: "messages", input: encode("\n\u0004spif\u0012\u0003abc\u0018\u0001"), read: readFields },
  ])(
    "$name",
    ({ input, read }) => {
      const next = random(11);
      let slowest = 0;
      const some = (count: number): void => {
        for (let i = 0; i < count; i++) {
          const bytes = mutate(input, next);
          const start = process.cpuUsage().user;
          try {
            read(bytes);
          } catch (error) {
            if (!(error instanceof CertError))
              throw new Error(`not ours, for ${Buffer.from(bytes).toString("hex")}`, { cause: error });
          }
          slowest = Math.max(slowest, (process.cpuUsage().user - start) / 1000);
        }
      };
      some(ROUNDS / 3);
      const before = heapBytes();
      some((ROUNDS * 2) / 3);
      expect(heapBytes() - before).toBeLessThan(4e6);
      // Far above what one input takes, the collector's pauses included; far below what a hang takes.
      expect(slowest).toBeLessThan(500);
    },
    LONG,
  );

  test(
    "no mutation of a certificate passes",
    () => {
      const next = random(13);
      const accepted = Array.from({ length: ROUNDS / 10 }, () => mutate(leaf?.der ?? new Uint8Array(), next)).filter(
        (bytes) =>
          verifySvid([bytes], new Map([[td, trustBundle(td, ca.bundle().x509Authorities)]]), Date.now()).kind ===
          "verified",
      );
      expect(accepted.filter((bytes) => !Buffer.from(bytes).equals(Buffer.from(leaf?.der ?? [])))).toEqual([]);
    },
    LONG,
  );
});

describe("revocation lists", () => {
  test("are read by openssl, and turn away what they list", () => {
    const dir = mkdtempSync(join(tmpdir(), "weft-cert-"));
    writeFileSync(join(dir, "crl.pem"), formatPem("X509 CRL", list.der));
    writeFileSync(join(dir, "ca.pem"), formatPem("CERTIFICATE", ca.issuer.der));
    const shown = execFileSync("openssl", ["crl", "-in", "crl.pem", "-CAfile", "ca.pem", "-noout", "-text"], {
      cwd: dir,
      stdio: ["ignore", "pipe", "pipe"],
    }).toString();
    rmSync(dir, { recursive: true });
    expect(shown.replaceAll(":", "").toLowerCase()).toContain(svid.serial);
    const withList = new Map([[td, { ...bundle, crls: [list] }]]);
    expect(verifySvid(svid.chain, withList, Date.now())).toMatchObject({ error: { code: "ERR_CERT_REVOKED" } });
    expect(verifySvid(ca.sign(createCsr().der, web).chain, withList, Date.now()).kind).toBe("verified");
  });

  test("of somebody else revoke nothing", () => {
    const other = createCa({ trustDomain: "td.test" });
    const foreign = other.revoke(leaf?.serial ?? new Uint8Array());
    const forged = { ...foreign, issuer: ca.issuer.subject };
    expect(verifySvid(svid.chain, new Map([[td, { ...bundle, crls: [forged] }]]), Date.now()).kind).toBe("verified");
  });
});

test("no key shows in what is printed of an identity, a request, a signer or an authority", () => {
  const { d = "" } = createPrivateKey(csr.key.exportPem()).export({ format: "jwk" });
  const secret = Buffer.from(d, "base64url");
  const shown = [csr, svid, ca, jwt, csr.key].map((value) => inspect(value, { depth: 12, showHidden: true }));
  const bigints = (_name: string, value: unknown): unknown => (typeof value === "bigint" ? String(value) : value);
  const all = [...shown, JSON.stringify({ csr, key: csr.key, jwt, svid }, bigints), String(csr.key)].join("\n");
  for (const form of [d, secret.toString("base64"), secret.toString("hex"), "PRIVATE", token]) {
    expect(all).not.toContain(form);
  }
  expect(all).toContain("[private key P-256]");
});

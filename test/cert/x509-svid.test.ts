import { generateKeyPairSync } from "node:crypto";
import {
  type Certificate,
  explainSvid,
  formatPem,
  parseCertificate,
  TrustDomain,
  trustBundle,
  verifySvid,
} from "@weftmesh/cert";
import { describe, expect, test } from "vitest";
import { boolean, octetString, oid, sequence } from "../../packages/cert/src/der/writer.js";
import { distinguishedName } from "../../packages/cert/src/profile.js";
import { readKeyInfo } from "../../packages/cert/src/public-key.js";
import { CLIENT_AUTH, extension, type Forged, forge, HOUR, NOW, type Recipe, SERVER_AUTH } from "./forge.js";

const td = TrustDomain.parse("td.test");
const root = forge({ ca: true });
const bundles = (...anchors: readonly Certificate[]) => new Map([[td, trustBundle(td, anchors)]]);
const good = bundles(root.certificate);

function outcome(chain: readonly Certificate[], set = good, now = NOW): string {
  const verdict = verifySvid(chain, set, now);
  return verdict.kind === "verified" ? verdict.id : verdict.error.code;
}

const leafOf = (issuer: Forged, recipe: Recipe = {}): Certificate => forge({ issuer, ...recipe }).certificate;

/** A key that is too short or on a curve that is not accepted, under the hands of a good one. */
function withPublicKey(spki: Uint8Array): Certificate {
  const key = forge().key;
  const publicKey = readKeyInfo(spki, "test");
  return leafOf(root, {
    key: { ...key, algorithm: key.algorithm, publicKey, sign: (data) => key.sign(data) } as Forged["key"],
  });
}

const spkiOf = (type: "rsa" | "ec"): Uint8Array => {
  const { publicKey } =
    type === "rsa"
      ? generateKeyPairSync("rsa", { modulusLength: 1024 })
      : generateKeyPairSync("ec", { namedCurve: "secp256k1" });
  return new Uint8Array(publicKey.export({ format: "der", type: "spki" }));
};

const SHA1_WITH_ECDSA = sequence(oid("1.2.840.10045.4.1"));

describe("the rules of a leaf", () => {
  test.each<{ name: string; recipe: Recipe; expected: string }>([
    { name: "a good one passes", recipe: {}, expected: "spiffe://td.test/ns/shop/sa/web" },
    {
      name: "both extended usages pass",
      recipe: { extendedKeyUsage: [CLIENT_AUTH, SERVER_AUTH] },
      expected: "spiffe://td.test/ns/shop/sa/web",
    },
    { name: "no URI", recipe: { uris: [] }, expected: "ERR_CERT_NO_URI_SAN" },
    {
      name: "two URIs",
      recipe: { uris: ["spiffe://td.test/a", "https://td.test/"] },
      expected: "ERR_CERT_MULTIPLE_URI_SAN",
    },
    { name: "an ID without a path", recipe: { uris: ["spiffe://td.test"] }, expected: "ERR_CERT_LEAF_ROOT_ID" },
    { name: "an ID that is none", recipe: { uris: ["https://td.test/a"] }, expected: "ERR_CERT_ID_SCHEME" },
    {
      name: "a CA",
      recipe: { ca: true, keyUsage: [0], uris: ["spiffe://td.test/a"] },
      expected: "ERR_CERT_LEAF_IS_CA",
    },
    { name: "keyCertSign", recipe: { keyUsage: [0, 5] }, expected: "ERR_CERT_LEAF_KEY_CERT_SIGN" },
    { name: "cRLSign", recipe: { keyUsage: [0, 6] }, expected: "ERR_CERT_LEAF_CRL_SIGN" },
    { name: "no digitalSignature", recipe: { keyUsage: [2] }, expected: "ERR_CERT_LEAF_NO_DIGITAL_SIGNATURE" },
    { name: "no key usage", recipe: { keyUsage: [] }, expected: "ERR_CERT_KEY_USAGE_MISSING" },
    {
      name: "a key usage that is not critical",
      recipe: { keyUsageCritical: false },
      expected: "ERR_CERT_KEY_USAGE_NOT_CRITICAL",
    },
    {
      name: "half of the extended usages",
      recipe: { extendedKeyUsage: [CLIENT_AUTH] },
      expected: "ERR_CERT_EXTENDED_KEY_USAGE",
    },
    {
      name: "an empty subject without a critical name",
      recipe: { sanCritical: false },
      expected: "ERR_CERT_SAN_NOT_CRITICAL",
    },
    {
      name: "a subject without a critical name passes",
      recipe: { sanCritical: false, subject: distinguishedName("x") },
      expected: "spiffe://td.test/ns/shop/sa/web",
    },
    { name: "serial zero", recipe: { serial: 0 }, expected: "ERR_CERT_SERIAL" },
    {
      name: "a critical extension that nobody knows",
      recipe: { extra: [extension("1.2.3.4", true, octetString(new Uint8Array()))] },
      expected: "ERR_CERT_CRITICAL_EXTENSION",
    },
    {
      name: "an extension that nobody knows passes",
      recipe: { extra: [extension("1.2.3.4", false, octetString(new Uint8Array()))] },
      expected: "spiffe://td.test/ns/shop/sa/web",
    },
    { name: "over", recipe: { notAfter: NOW - 1000 }, expected: "ERR_CERT_EXPIRED" },
    { name: "not begun", recipe: { notBefore: NOW + 1000 }, expected: "ERR_CERT_NOT_YET_VALID" },
    { name: "SHA-1", recipe: { signatureAlgorithm: SHA1_WITH_ECDSA }, expected: "ERR_CERT_WEAK_SIGNATURE" },
    { name: "another domain", recipe: { uris: ["spiffe://other.test/a"] }, expected: "ERR_CERT_NO_BUNDLE" },
  ])("$name", ({ recipe, expected }) => {
    expect(outcome([leafOf(root, recipe)])).toBe(expected);
  });

  test("a short RSA key and a curve that is not accepted are refused", () => {
    expect(outcome([withPublicKey(spkiOf("rsa"))])).toBe("ERR_CERT_WEAK_KEY");
    expect(outcome([withPublicKey(spkiOf("ec"))])).toBe("ERR_CERT_UNSUPPORTED_KEY");
  });

  test("validity includes both its ends", () => {
    const leaf = leafOf(root, { notBefore: NOW, notAfter: NOW });
    expect(outcome([leaf], good, NOW)).toBe("spiffe://td.test/ns/shop/sa/web");
    expect(outcome([leaf], good, NOW + 1)).toBe("ERR_CERT_EXPIRED");
  });
});

describe("the path", () => {
  const intermediate = forge({ issuer: root, ca: true, pathLength: 0 });
  const id = "spiffe://td.test/ns/shop/sa/web";

  test.each<{
    name: string;
    chain: () => readonly Certificate[];
    anchors?: () => readonly Certificate[];
    expected: string;
  }>([
    {
      name: "goes through an intermediate",
      chain: () => [leafOf(intermediate), intermediate.certificate],
      expected: id,
    },
    {
      name: "may have the root at its end",
      chain: () => [leafOf(intermediate), intermediate.certificate, root.certificate],
      expected: id,
    },
    {
      name: "may end in an authority that is not self-signed",
      chain: () => [leafOf(intermediate)],
      anchors: () => [intermediate.certificate],
      expected: id,
    },
    {
      name: "finds the right one of two roots with one name",
      chain: () => [leafOf(twins[1] ?? root, { keyIds: false })],
      anchors: () => twins.map((twin) => twin.certificate),
      expected: id,
    },
    { name: "needs the intermediate", chain: () => [leafOf(intermediate)], expected: "ERR_CERT_UNTRUSTED" },
    {
      name: "ends at an authority of another key",
      chain: () => [leafOf(forge({ ca: true, subject: root.certificate.subject }))],
      expected: "ERR_CERT_UNTRUSTED",
    },
    { name: "breaks at a signature", chain: () => [tampered()], expected: "ERR_CERT_BAD_SIGNATURE" },
    { name: "ends in an empty bundle", chain: () => [leafOf(root)], anchors: () => [], expected: "ERR_CERT_UNTRUSTED" },
    {
      name: "breaks at an issuer that is no CA",
      chain: () => below({ ca: false, keyUsage: [5], subject: distinguishedName("x") }),
      expected: "ERR_CERT_ISSUER_NOT_CA",
    },
    {
      name: "breaks at a CA without keyCertSign",
      chain: () => below({ ca: true, keyUsage: [6] }),
      expected: "ERR_CERT_ISSUER_NO_KEY_CERT_SIGN",
    },
    {
      name: "breaks at a CA that is over",
      chain: () => below({ ca: true, notAfter: NOW - 1000 }),
      expected: "ERR_CERT_ISSUER_EXPIRED",
    },
    {
      name: "breaks at a CA that has not begun",
      chain: () => below({ ca: true, notBefore: NOW + 1000 }),
      expected: "ERR_CERT_ISSUER_NOT_YET_VALID",
    },
    {
      name: "breaks at a CA of another domain",
      chain: () => below({ ca: true, uris: ["spiffe://other.test"] }),
      expected: "ERR_CERT_ISSUER_ID",
    },
    {
      name: "breaks at a CA with a workload's ID",
      chain: () => below({ ca: true, uris: ["spiffe://td.test/ca"] }),
      expected: "ERR_CERT_ISSUER_ID",
    },
    {
      name: "breaks below a path length of zero",
      chain: () => below({ ca: true }, intermediate),
      expected: "ERR_CERT_PATH_LENGTH",
    },
    { name: "keeps to a permitted host", chain: () => below({ ca: true, permittedUri: "td.test" }), expected: id },
    {
      name: "breaks outside a permitted host",
      chain: () => below({ ca: true, permittedUri: "other.test" }),
      expected: "ERR_CERT_NAME_CONSTRAINT",
    },
    {
      name: "takes a host without a dot for that host alone",
      chain: () => below({ ca: true, permittedUri: "test" }),
      expected: "ERR_CERT_NAME_CONSTRAINT",
    },
    {
      name: "takes a leading dot for any host below",
      chain: () => below({ ca: true, permittedUri: ".test" }),
      expected: id,
    },
    {
      name: "breaks inside an excluded host",
      chain: () => below({ ca: true, excludedUri: "td.test" }),
      expected: "ERR_CERT_NAME_CONSTRAINT",
    },
  ])("$name", ({ chain, anchors, expected }) => {
    expect(outcome(chain(), bundles(...(anchors?.() ?? [root.certificate])))).toBe(expected);
  });

  const twins = [1, 2].map(() => forge({ ca: true, subject: distinguishedName("twin"), keyIds: false }));

  function below(recipe: Recipe, above: Forged = root): readonly Certificate[] {
    const middle = forge({ issuer: above, ...recipe });
    return [leafOf(middle), middle.certificate, ...(above === root ? [] : [above.certificate])];
  }

  function tampered(): Certificate {
    const leaf = leafOf(root);
    const bytes = leaf.der.slice();
    const at = Buffer.from(bytes).indexOf("/sa/web");
    bytes[at + 4] = "b".charCodeAt(0);
    return parseCertificate(bytes);
  }

  test("a chain of a domain whose CA signed an ID of another is not trusted", () => {
    const other = TrustDomain.parse("other.test");
    const rogue = forge({ ca: true, uris: ["spiffe://other.test"], subject: distinguishedName("other.test") });
    const leaf = leafOf(rogue, { uris: ["spiffe://td.test/ns/shop/sa/web"] });
    const both = new Map([...good, [other, trustBundle(other, [rogue.certificate])]]);
    expect(outcome([leaf], both)).toBe("ERR_CERT_UNTRUSTED");
  });

  test("no more than a hundred signatures are checked, however many candidates there are", () => {
    const name = distinguishedName("pile");
    const pile = Array.from({ length: 15 }, () => forge({ ca: true, subject: name, keyIds: false }).certificate);
    const leaf = leafOf(forge({ ca: true, subject: name, keyIds: false }), { keyIds: false });
    expect(outcome([leaf, ...pile], bundles(...pile))).toBe("ERR_CERT_BAD_SIGNATURE");
  });
});

describe("input that is no chain", () => {
  test.each([
    { name: "nothing", chain: [], expected: "ERR_CERT_CHAIN_EMPTY" },
    { name: "an empty text", chain: "", expected: "ERR_CERT_CHAIN_EMPTY" },
    {
      name: "seventeen certificates",
      chain: Array.from({ length: 17 }, () => root.certificate),
      expected: "ERR_CERT_CHAIN_LENGTH",
    },
    { name: "a block of something else", chain: formatPem("X509 CRL", root.certificate.der), expected: "ERR_CERT_PEM" },
    { name: "a block that does not end", chain: "-----BEGIN CERTIFICATE-----\nAAAA", expected: "ERR_CERT_PEM" },
    { name: "bytes that are no DER", chain: [Uint8Array.of(0x30, 0x80, 0, 0)], expected: "ERR_CERT_DER" },
    {
      name: "a certificate with more behind it",
      chain: [Uint8Array.of(...root.certificate.der, 0)],
      expected: "ERR_CERT_DER",
    },
    { name: "a certificate of 64 KiB", chain: [new Uint8Array(65_537)], expected: "ERR_CERT_MALFORMED" },
  ])("$name", ({ chain, expected }) => {
    const verdict = verifySvid(chain, good, NOW);
    expect(verdict).toMatchObject({ kind: "rejected", error: { code: expected } });
  });

  test("an extension that stands there twice", () => {
    const twice = extension("2.5.29.19", true, sequence(boolean(false).subarray(0, 0)));
    expect(() => forge({ issuer: root, extra: [twice] })).toThrow(
      expect.objectContaining({ code: "ERR_CERT_DUPLICATE_EXTENSION" }),
    );
  });

  test("a negative serial number", () => {
    const { der } = leafOf(root, { serial: 77 });
    const bytes = der.slice();
    const at = Buffer.from(bytes).indexOf(Buffer.from([0x02, 0x01, 77]));
    bytes[at + 2] = 0x80;
    expect(verifySvid([bytes], good, NOW)).toMatchObject({ error: { code: "ERR_CERT_SERIAL" } });
  });
});

describe("revocation", () => {
  const leaf = leafOf(root, { serial: 4711 });
  test.each([
    { name: "by ID", denied: [{ kind: "id", id: "spiffe://td.test/ns/shop/sa/web" }] },
    { name: "by serial number", denied: [{ kind: "serial", serial: "1267" }] },
    { name: "by key", denied: [{ kind: "key", spki: leaf.publicKey.spki }] },
    { name: "by the key of its issuer", denied: [{ kind: "key", spki: root.certificate.publicKey.spki }] },
  ])("denies $name", ({ denied }) => {
    const bundle = { ...trustBundle(td, [root.certificate]), denied } as ReturnType<typeof trustBundle>;
    expect(outcome([leaf], new Map([[td, bundle]]))).toBe("ERR_CERT_REVOKED");
  });
});

describe("explainSvid", () => {
  test("names the rule, its section, both clocks and the authority that was tried", () => {
    const leaf = leafOf(root, { notAfter: NOW - HOUR / 2 });
    const { text, section } = explainSvid([leaf], good, NOW);
    expect(section).toBe("RFC 5280 §6.1.3");
    expect(text).toContain("ended 2026-12-31T23:30:00Z, it is 2027-01-01T00:00:00Z");
    expect(text).toContain("authority[0]: spiffe://td.test");
  });

  test("lists each issuer that was tried", () => {
    const { attempts, text } = explainSvid([leafOf(root)], good, NOW);
    expect(attempts.map(({ isAnchor, error }) => [isAnchor, error])).toEqual([[true, undefined]]);
    expect(text).toMatch(/^accepted: spiffe:\/\/td\.test\/ns\/shop\/sa\/web\n/);
  });
});

import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createCa,
  createCsr,
  fileCaStore,
  fileSource,
  formatPem,
  generateKey,
  type Identity,
  pluggedInCa,
  readCaFiles,
  rotate,
  SpiffeId,
  verifySvid,
  writeFileSet,
  writeIdentityFiles,
} from "@weftmesh/cert";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { forge } from "./forge.js";

const web = SpiffeId.parse("spiffe://td.test/ns/shop/sa/web");
const code = (expected: string) => expect.objectContaining({ code: expected });
const mode = (path: string): number => statSync(path).mode & 0o777;
let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "weft-cert-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const recently = () => ({ notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 });

async function identity(): Promise<Identity> {
  const source = rotate(createCa({ trustDomain: "td.test" }).issuerFor(web));
  const ready = await source.ready();
  source[Symbol.dispose]();
  return ready;
}

describe("a set of files", () => {
  test("is switched as one, is the owner's alone, and leaves nothing behind", async () => {
    const target = join(dir, "certs");
    writeIdentityFiles(target, await identity());
    const before = readFileSync(join(target, "key.pem"), "utf8");
    const second = await identity();
    writeIdentityFiles(target, second);
    expect(readFileSync(join(target, "key.pem"), "utf8")).toBe(second.svid.key.exportPem());
    expect(before).not.toBe(second.svid.key.exportPem());
    expect([mode(target), mode(join(target, "key.pem"))]).toEqual([0o700, 0o600]);
    expect(readdirSync(target).length).toBe(5);
  });

  test("takes the place of files that something else wrote", () => {
    writeFileSync(join(dir, "key.pem"), "old");
    writeFileSet(dir, { "key.pem": "new" });
    expect(readFileSync(join(dir, "key.pem"), "utf8")).toBe("new");
  });
});

describe("an identity in files", () => {
  test("is followed through every switch of the link", async () => {
    writeIdentityFiles(dir, await identity());
    const source = fileSource({ directory: dir, pollMs: 20 });
    expect((await source.ready()).svid.id).toBe(web);
    for (let i = 0; i < 3; i++) {
      const next = await identity();
      const seen = new Promise<Identity>((resolve) => source.watch(resolve));
      writeIdentityFiles(dir, next);
      expect((await seen).svid.key.exportPem()).toBe(next.svid.key.exportPem());
    }
    source[Symbol.dispose]();
  });

  test("is not taken while key and certificate do not fit together; what was there goes on", async () => {
    const failures: unknown[] = [];
    const [one, other] = [await identity(), await identity()];
    writeIdentityFiles(dir, one);
    const source = fileSource({ directory: dir, pollMs: 60_000, onFailure: (error) => failures.push(error) });
    writeFileSet(dir, { "key.pem": other.svid.key.exportPem() });
    source.refresh();
    expect(source.current()?.svid.key.exportPem()).toBe(one.svid.key.exportPem());
    expect(failures).toContainEqual(code("ERR_CERT_FILE"));
    source[Symbol.dispose]();
  });

  test("says so when the key is another's", async () => {
    const [one, other] = [await identity(), await identity()];
    const failures: unknown[] = [];
    mkdirSync(join(dir, "certs"));
    writeIdentityFiles(join(dir, "certs"), { ...one, svid: { ...one.svid, key: other.svid.key } });
    const source = fileSource({ directory: join(dir, "certs"), onFailure: (error) => failures.push(error) });
    expect(failures).toContainEqual(code("ERR_CERT_KEY_MISMATCH"));
    source[Symbol.dispose]();
  });
});

describe("a plugged-in CA", () => {
  function cacerts() {
    const root = forge({ ca: true, ...recently() });
    const intermediate = forge({ ca: true, issuer: root, pathLength: 0, ...recently() });
    const pem = (entry: typeof root) => formatPem("CERTIFICATE", entry.certificate.der);
    const write = (files: Record<string, string>) => {
      for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text, { mode: 0o600 });
    };
    return { root, intermediate, pem, write };
  }

  test.each([
    { names: ["ca-cert.pem", "ca-key.pem", "cert-chain.pem", "root-cert.pem"] },
    { names: ["tls.crt", "tls.key", "", "ca.crt"] },
  ])("issues from the files $names", ({ names }) => {
    const { root, intermediate, pem, write } = cacerts();
    const [cert = "", key = "", chain = "", roots = ""] = names;
    write({
      [cert]: pem(intermediate),
      [key]: intermediate.key.exportPem(),
      [roots]: pem(root),
      ...(chain === "" ? {} : { [chain]: pem(intermediate) }),
    });
    const ca = pluggedInCa(readCaFiles(dir), { trustDomain: "td.test" });
    const svid = ca.sign(createCsr().der, web);
    expect(svid.chain.length).toBe(2);
    expect(verifySvid(svid.chain, new Map([[ca.trustDomain, ca.bundle()]]), Date.now())).toMatchObject({
      kind: "verified",
    });
  });

  test("is refused when others may read its key, unless told otherwise", () => {
    const { root, pem, write } = cacerts();
    write({ "ca-cert.pem": pem(root), "ca-key.pem": root.key.exportPem(), "root-cert.pem": pem(root) });
    chmodSync(join(dir, "ca-key.pem"), 0o644);
    expect(() => readCaFiles(dir)).toThrow(code("ERR_CERT_FILE_MODE"));
    expect(readCaFiles(dir, { allowSharedKey: true }).caCert).toBe(pem(root));
  });

  test.each([
    {
      name: "the key is another's",
      change: () => ({ caKey: generateKey().exportPem() }),
      expected: "ERR_CERT_KEY_MISMATCH",
    },
    {
      name: "the root is another",
      change: () => ({ rootCert: formatPem("CERTIFICATE", forge({ ca: true, ...recently() }).certificate.der) }),
      expected: "ERR_CERT_UNTRUSTED",
    },
  ])("is refused when $name", ({ change, expected }) => {
    const { root, intermediate, pem } = cacerts();
    const material = {
      caCert: pem(intermediate),
      caKey: intermediate.key.exportPem(),
      rootCert: pem(root),
      ...change(),
    };
    expect(() => pluggedInCa(material, { trustDomain: "td.test" })).toThrow(code(expected));
  });

  test("is refused when it is no CA", () => {
    const leaf = forge(recently());
    const pem = formatPem("CERTIFICATE", leaf.certificate.der);
    expect(() =>
      pluggedInCa({ caCert: pem, caKey: leaf.key.exportPem(), rootCert: pem }, { trustDomain: "td.test" }),
    ).toThrow(code("ERR_CERT_ISSUER_NOT_CA"));
  });

  test("takes a new intermediate of its root at once, and another root only by a roll", () => {
    const { root, intermediate, pem } = cacerts();
    const next = forge({ ca: true, issuer: root, ...recently() });
    const other = forge({ ca: true, ...recently() });
    const ca = pluggedInCa(
      { caCert: pem(intermediate), caKey: intermediate.key.exportPem(), rootCert: pem(root) },
      { trustDomain: "td.test" },
    );
    ca.reload({ caCert: pem(next), caKey: next.key.exportPem(), rootCert: pem(root) });
    expect(ca.issuer.der).toEqual(next.certificate.der);
    const material = { caCert: pem(other), caKey: other.key.exportPem(), rootCert: pem(other) };
    expect(() => ca.reload(material)).toThrow(code("ERR_CERT_ROLL_STATE"));
    ca.roll.prepare(material);
    ca.roll.activate();
    expect(ca.issuer.der).toEqual(other.certificate.der);
  });
});

describe("a stored CA", () => {
  test("goes on where it stopped, in the middle of a roll too", () => {
    const store = fileCaStore(join(dir, "ca.json"));
    const first = createCa({ trustDomain: "td.test", store });
    first.roll.prepare();
    const again = createCa({ trustDomain: "td.test", store });
    expect(again.roll.status()).toMatchObject({ phase: "prepared", bundleVersion: 2 });
    expect(again.bundle().x509Authorities.map(({ der }) => der)).toEqual(
      first.bundle().x509Authorities.map(({ der }) => der),
    );
    expect(again.roll.preview("activate")).toMatchObject({ phase: "active" });
    expect(again.roll.status().phase).toBe("prepared");
    again.roll.activate();
    expect(createCa({ trustDomain: "td.test", store }).issuer.der).toEqual(again.issuer.der);
    expect(mode(join(dir, "ca.json"))).toBe(0o600);
  });

  test("does not change what it cannot store", () => {
    let broken = false;
    const store = {
      load: () => undefined,
      save: () => {
        if (broken) throw new Error("disk full");
      },
    };
    const ca = createCa({ trustDomain: "td.test", store });
    broken = true;
    expect(() => ca.roll.prepare()).toThrow("disk full");
    expect([ca.roll.status().phase, ca.bundle().x509Authorities.length]).toEqual(["idle", 1]);
  });

  test("is not read from a file that is none of its own", () => {
    writeFileSync(join(dir, "ca.json"), "{", { mode: 0o600 });
    expect(() => createCa({ trustDomain: "td.test", store: fileCaStore(join(dir, "ca.json")) })).toThrow(
      code("ERR_CERT_FILE"),
    );
  });
});

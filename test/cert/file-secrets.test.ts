import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCa, createCsr, fileSecrets, formatPem, SpiffeId, writeFileSet } from "@weftmesh/cert";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cleanUp, undo } from "./tls-ends.js";

const web = SpiffeId.parse("spiffe://td.test/web");
const ca = createCa({ trustDomain: "td.test" });
const roots = ca
  .bundle()
  .x509Authorities.map(({ der }) => formatPem("CERTIFICATE", der))
  .join("");
let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "weft-cert-"));
});
afterEach(async () => {
  await cleanUp();
  rmSync(dir, { recursive: true, force: true });
});

function write(folder: string): string {
  const csr = createCsr();
  const chain = ca.sign(csr.der, web).chainPem;
  writeFileSet(folder, { "cert.pem": chain, "key.pem": csr.key.exportPem(), "root.pem": roots });
  return chain;
}

function served(names: readonly string[], within: readonly string[]) {
  const failures: { code?: string; message: string }[] = [];
  const secrets = fileSecrets({ names, within, onFailure: (error) => failures.push(error as Error) });
  undo(() => secrets[Symbol.dispose]());
  return { secrets, failures };
}

describe("files as secrets", () => {
  test("are served by Istio's names, and followed as a set", async () => {
    const first = write(join(dir, "certs"));
    const cert = `file-cert:${dir}/certs/cert.pem~${dir}/certs/key.pem`;
    const root = `file-root:${dir}/certs/root.pem`;
    const { secrets, failures } = served([cert, root], [dir]);
    expect(secrets.names()).toEqual([cert, root]);
    const chain = () => new TextDecoder().decode(secrets.get(cert)?.tlsCertificate?.certificateChain.inlineBytes);
    expect(chain()).toBe(first);
    expect(new TextDecoder().decode(secrets.get(root)?.validationContext?.trustedCa?.inlineBytes)).toBe(roots);
    let changes = 0;
    secrets.watch(() => changes++);
    const second = write(join(dir, "certs"));
    secrets.refresh();
    expect(chain()).toBe(second);
    expect({ changes: Math.min(changes, 1), failures, version: secrets.version }).toMatchObject({
      changes: 1,
      version: 2,
    });
    expect(secrets.get(`file-root:${dir}/certs/cert.pem`)).toBeUndefined();
  });

  test("lie within the folders that are allowed, wherever links lead", () => {
    write(join(dir, "outside"));
    mkdirSync(join(dir, "certs"));
    symlinkSync(join(dir, "outside"), join(dir, "certs", "link"));
    const name = `file-root:${dir}/certs/link/root.pem`;
    const beside = `file-root:${dir}/outside/root.pem`;
    const { secrets, failures } = served([name, beside], [join(dir, "certs")]);
    expect(secrets.names()).toEqual([]);
    expect(failures.map(({ code }) => code)).toEqual(["ERR_CERT_FILE", "ERR_CERT_FILE"]);
  });

  test("that do not fit together are not served, nor is a key that others may read", () => {
    write(join(dir, "one"));
    write(join(dir, "two"));
    const mixed = `file-cert:${dir}/one/cert.pem~${dir}/two/key.pem`;
    const open = join(dir, "open.pem");
    writeFileSync(open, createCsr().key.exportPem(), { mode: 0o644 });
    const { secrets, failures } = served([mixed, `file-cert:${dir}/one/cert.pem~${open}`], [dir]);
    expect(secrets.names()).toEqual([]);
    expect(failures.map(({ code }) => code)).toEqual(["ERR_CERT_KEY_MISMATCH", "ERR_CERT_FILE_MODE"]);
    expect(failures.map(({ message }) => message).join()).not.toContain("PRIVATE");
  });

  test.each([
    "file-cert:/a",
    "file-cert:/a~/b~/c",
    "file-cert:a~b",
    "file-root:/certs/../etc/shadow",
    "file-root:system",
    "default",
    "",
  ])("%j names none", (name) => {
    expect(() => fileSecrets({ names: [name], within: [dir] })).toThrow(
      expect.objectContaining({ code: "ERR_CERT_FILE" }),
    );
  });
});

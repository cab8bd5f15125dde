/** Everything that we issue, read and verified by openssl: roots, leaves, requests, lists, PKCS#8 keys. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCa, createCsr, formatPem, type KeyAlgorithm, SpiffeId } from "@weftmesh/cert";

const ALGORITHMS: readonly KeyAlgorithm[] = ["P-256", "P-384", "P-521", "Ed25519", "RSA-2048"];

/** How many statements of openssl held, and what it said otherwise. */
export interface OpensslResult {
  readonly passed: number;
  readonly failed: number;
  readonly problems: readonly string[];
}

/** Issues `count` times for each pair of key algorithms of CA and leaf, and asks openssl about all of it. */
export function issuedUnderOpenssl(count: number): OpensslResult {
  const dir = mkdtempSync(join(tmpdir(), "weft-cert-"));
  let passed = 0;
  const problems: string[] = [];
  const holds = (what: string, expected: string, ...args: string[]): void => {
    try {
      const said = execFileSync("openssl", args, { cwd: dir, stdio: ["ignore", "pipe", "pipe"] }).toString();
      if (said.includes(expected)) passed++;
      else problems.push(`${what}: ${said}`);
    } catch (error) {
      problems.push(`${what}: ${(error as { stderr?: Buffer }).stderr?.toString() ?? String(error)}`);
    }
  };
  const write = (name: string, text: string): void => writeFileSync(join(dir, name), text);
  for (const ofCa of ALGORITHMS) {
    const ca = createCa({ trustDomain: "td.test", keyAlgorithm: ofCa });
    write(
      "root.pem",
      ca
        .bundle()
        .x509Authorities.map(({ der }) => formatPem("CERTIFICATE", der))
        .join(""),
    );
    holds(`root ${ofCa}`, "OK", "verify", "-x509_strict", "-check_ss_sig", "-CAfile", "root.pem", "root.pem");
    for (const ofLeaf of ALGORITHMS) {
      const what = `${ofLeaf} by ${ofCa}`;
      // An RSA key takes a sixth of a second: one request then has to do for all.
      const shared = createCsr({ keyAlgorithm: ofLeaf });
      write("request.pem", shared.pem);
      write("key.pem", shared.key.exportPem());
      holds(`${what}, request`, "CERTIFICATE REQUEST", "req", "-in", "request.pem", "-verify");
      holds(`${what}, key`, "PRIVATE", "pkey", "-in", "key.pem");
      const leaves = Array.from({ length: Math.max(1, Math.ceil(count / ALGORITHMS.length)) }, (_, i) => {
        const id = SpiffeId.parse(`spiffe://td.test/ns/n${i}/sa/${"x".repeat(1 + ((i * 37) % 200))}`);
        const { chainPem, chain } = ca.sign(shared.der, id, i % 2 === 0 ? {} : { dnsNames: ["web.example", "web"] });
        write(`leaf-${i}.pem`, chainPem);
        return { name: `leaf-${i}.pem`, id, serial: chain[0]?.serial };
      });
      const names = leaves.map(({ name }) => name);
      for (const purpose of ["sslserver", "sslclient"]) {
        // One line a leaf, and openssl fails if it turns any away.
        const all = names.map((name) => `${name}: OK\n`).join("");
        holds(
          `${what}, ${purpose}`,
          all,
          "verify",
          "-x509_strict",
          "-purpose",
          purpose,
          "-CAfile",
          "root.pem",
          ...names,
        );
      }
      const [first] = leaves;
      if (first === undefined) continue;
      holds(`${what}, name`, `URI:${first.id}`, "x509", "-in", first.name, "-noout", "-ext", "subjectAltName");
      write("list.pem", formatPem("X509 CRL", ca.revoke(first.serial ?? new Uint8Array()).der));
      holds(
        `${what}, list`,
        "Revoked Certificates",
        "crl",
        "-in",
        "list.pem",
        "-CAfile",
        "root.pem",
        "-noout",
        "-text",
      );
    }
  }
  rmSync(dir, { recursive: true });
  return { passed, failed: problems.length, problems };
}

import { once } from "node:events";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCa, rotate, SpiffeId } from "@weftmesh/cert";
import { workloadServer } from "@weftmesh/cert/services";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { main } from "../../packages/cert/src/cli/main.js";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "weft-cert-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function run(...args: string[]) {
  let [stdout, stderr] = ["", ""];
  const code = await main(args, {
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
  });
  return { code, stdout, stderr };
}

const file = (name: string): string => join(dir, name);

async function issued() {
  const root = await run("ca", "init", file("ca.json"), "--trust-domain", "td.test");
  writeFileSync(file("root.pem"), root.stdout);
  const csr = await run("csr", "--key-out", file("key.pem"));
  writeFileSync(file("csr.pem"), csr.stdout);
  const chain = await run(
    "ca",
    "sign",
    file("ca.json"),
    file("csr.pem"),
    "--id",
    "spiffe://td.test/web",
    "--ttl",
    "3600",
  );
  writeFileSync(file("chain.pem"), chain.stdout);
}

describe("weft-cert", () => {
  test("makes a CA, a request and a certificate, and judges it", async () => {
    await issued();
    expect(statSync(file("key.pem")).mode & 0o777).toBe(0o600);
    const bundle = `td.test=${file("root.pem")}`;
    expect(await run("verify", file("chain.pem"), "--bundle", bundle)).toEqual({
      code: 0,
      stdout: "accepted: spiffe://td.test/web\n",
      stderr: "",
    });
    const late = await run("explain", file("chain.pem"), "--bundle", bundle, "--at", "2100-01-01T00:00:00Z");
    expect(late.code).toBe(1);
    expect(late.stdout).toContain("rule: RFC 5280 §6.1.3");
    const json = await run("verify", file("chain.pem"), "--bundle", `other.test=${file("root.pem")}`, "--json");
    expect(JSON.parse(json.stdout)).toMatchObject({ verdict: "rejected", code: "ERR_CERT_NO_BUNDLE" });
  });

  test("rolls a root, and can say beforehand what would be", async () => {
    await issued();
    const status = async (...args: string[]) =>
      JSON.parse((await run("ca", "roll", file("ca.json"), ...args)).stdout) as { phase: string };
    expect((await status("prepare", "--dry-run")).phase).toBe("prepared");
    expect((await status()).phase).toBe("idle");
    expect((await status("prepare")).phase).toBe("prepared");
    expect((await run("ca", "bundle", file("ca.json"))).stdout.match(/BEGIN/g)?.length).toBe(2);
    expect((await status("activate")).phase).toBe("active");
    expect(await run("ca", "roll", file("ca.json"), "retire")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("ERR_CERT_ROLL_STATE"),
    });
    expect((await status("retire", "--force")).phase).toBe("idle");
  });

  test("shows what is in a file", async () => {
    await issued();
    const [certificate] = JSON.parse((await run("inspect", file("chain.pem"))).stdout) as object[];
    expect(certificate).toMatchObject({
      kind: "CERTIFICATE",
      names: ["uri:spiffe://td.test/web"],
      ca: false,
      key: "EC P-256",
    });
    const [request] = JSON.parse((await run("inspect", file("csr.pem"))).stdout) as object[];
    expect(request).toMatchObject({ kind: "CERTIFICATE REQUEST", key: "ec" });
    writeFileSync(file("bundle.json"), (await run("ca", "bundle", file("ca.json"), "--json")).stdout);
    const [bundle] = JSON.parse((await run("inspect", file("bundle.json"))).stdout) as { x509Authorities: object[] }[];
    expect(bundle?.x509Authorities.length).toBe(1);
  });

  test("fetches an identity and writes it as a set of files", async () => {
    const source = rotate(createCa({ trustDomain: "td.test" }).issuerFor(SpiffeId.parse("spiffe://td.test/web")));
    const address = `unix://${file("api/api.sock")}`;
    const server = await workloadServer({ address, source });
    const fetched = await run("fetch", "--address", address, "--out", file("certs"));
    expect(JSON.parse(fetched.stdout)).toMatchObject({ id: "spiffe://td.test/web" });
    expect(statSync(file("certs/key.pem")).mode & 0o777).toBe(0o600);
    await server.close();
    source[Symbol.dispose]();
    expect(await run("fetch", "--address", `unix://${file("nobody.sock")}`, "--timeout", "0.2")).toMatchObject({
      code: 1,
      stdout: "",
    });
  });

  test.each([
    { name: "no command", args: [], expected: "usage: weft-cert" },
    { name: "an unknown command", args: ["sing"], expected: "sing: no such command" },
    { name: "an unknown option", args: ["inspect", "--colour"], expected: "--colour" },
    { name: "a missing argument", args: ["inspect"], expected: "FILE is missing" },
    { name: "a missing file", args: ["inspect", "/nowhere/chain.pem"], expected: "chain.pem: there is no such file" },
    { name: "a directory", args: ["inspect", "/"], expected: "ERR_CERT_FILE" },
    {
      name: "a file with nothing in it to inspect",
      args: ["inspect", "LICENSE"],
      expected: "LICENSE: nothing to inspect",
    },
    {
      name: "a bundle of nothing",
      args: ["verify", "LICENSE", "--bundle", "a.b=LICENSE"],
      expected: "LICENSE: --bundle",
    },
    { name: "a CA that is not there", args: ["ca", "sign", "/nowhere/ca.json", "-"], expected: "there is no CA" },
    { name: "no bundle", args: ["verify", "package.json"], expected: "--bundle DOMAIN=FILE is needed" },
    { name: "an endpoint that is none", args: ["fetch", "--address", "http://x"], expected: "ERR_CERT_ENDPOINT" },
    {
      name: "half of an endpoint",
      args: ["serve", "--trust-domain", "td.test", "--id", "spiffe://td.test/a"],
      expected: "--socket and --id go together",
    },
    {
      name: "a port that is none",
      args: ["serve", "--trust-domain", "td.test", "--port", "99999"],
      expected: "--port 99999: expected 0 to 65535",
    },
    {
      name: "a time that is none",
      args: ["fetch", "--address", "unix:///x", "--timeout", "x"],
      expected: "--timeout x",
    },
    { name: "a place that is none", args: ["csr", "--key-out", "LICENSE/key.pem"], expected: "ERR_CERT_FILE" },
    {
      name: "a socket that cannot be",
      args: [
        "serve",
        "--trust-domain",
        "td.test",
        "--socket",
        `unix://${process.cwd()}/LICENSE/s`,
        "--id",
        "spiffe://td.test/a",
      ],
      expected: "ERR_CERT_ENDPOINT",
    },
  ])("says in one line what is wrong: $name", async ({ args, expected }) => {
    const { code, stdout, stderr } = await run(...args);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain(expected);
    if (args.length > 0) expect(stderr.trim()).not.toContain("\n");
    expect(stderr).not.toContain("To specify a positional");
  });

  test("names the file that does not hold what it should", async () => {
    writeFileSync(file("bad.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    const { code, stderr } = await run("inspect", file("bad.pem"));
    expect(code).toBe(2);
    expect(stderr).toMatch(/^\S+bad\.pem: certificate: [^\n]+\(ERR_CERT_DER\)\n$/);
    await issued();
    const verified = await run("verify", file("bad.pem"), "--bundle", `td.test=${file("root.pem")}`);
    expect(verified).toMatchObject({
      code: 1,
      stdout: expect.stringContaining(`rejected: ${file("bad.pem")}: chain[0]: `),
    });
  });

  test("does not take any JSON for a CA", async () => {
    writeFileSync(file("bad.json"), "{}", { mode: 0o600 });
    expect(await run("ca", "bundle", file("bad.json"))).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^\S+bad\.json: does not hold a CA \(ERR_CERT_FILE\)\n$/),
    });
  });

  test("a port that is taken is one line", async () => {
    const other = createServer();
    other.listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const { code, stderr } = await run("serve", "--trust-domain", "td.test", "--port", String(port));
    other.close();
    expect([code, stderr]).toEqual([2, `listen EADDRINUSE: address already in use 127.0.0.1:${port}\n`]);
  });

  test("never overwrites a CA or a key", async () => {
    await issued();
    expect((await run("ca", "init", file("ca.json"), "--trust-domain", "td.test")).stderr).toContain(
      "never overwritten",
    );
    expect((await run("csr", "--key-out", file("key.pem"))).stderr).toContain("never overwritten");
  });

  test("has help and a version", async () => {
    expect((await run("--help")).stdout).toContain("usage: weft-cert");
    expect((await run("--version")).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

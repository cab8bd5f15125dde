/** Everything that this package says while things go wrong, searched for keys and tokens. */
import { createPrivateKey } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import {
  createCa,
  createCsr,
  fileSecrets,
  fileSource,
  generateKey,
  http2Server,
  httpsServer,
  importKey,
  jwksSource,
  jwtSigner,
  keyAndCertController,
  matchAny,
  memoryStore,
  parseBundle,
  parseCertificates,
  parseCsr,
  rotate,
  SpiffeId,
  secretSource,
  TrustDomain,
  tlsConnect,
  tlsServer,
  trustBundle,
  verifyJwtSvid,
  verifyUserJwt,
  verifyWitSvid,
  witSigner,
  writeFileSet,
} from "@weftmesh/cert";
import { auditLog, caClient, caServer, sharedTokens, workloadServer, workloadSource } from "@weftmesh/cert/services";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { main } from "../../packages/cert/src/cli/main.js";
import { mutate, random } from "./mutation.js";
import { cleanUp, listen, source, td, undo } from "./tls-ends.js";

const web = SpiffeId.parse("spiffe://td.test/web");
let said: string[] = [];
let secrets: { readonly name: string; readonly forms: readonly string[] }[] = [];
let dir = "";

/** Notes what was said: a text, or anything that a program might log, in each way that it might. */
function hear(...values: readonly unknown[]): void {
  const plain = (_name: string, value: unknown): unknown => (typeof value === "bigint" ? String(value) : value);
  for (const value of values) {
    said.push(inspect(value, { depth: 12, showHidden: true }), String(value));
    try {
      said.push(JSON.stringify(value, plain) ?? "");
    } catch {
      // What cannot be written as JSON is not logged as JSON.
    }
    if (value instanceof Error) said.push(value.stack ?? "", value.message);
  }
}

async function heard(task: () => unknown): Promise<void> {
  try {
    hear(await task());
  } catch (error) {
    hear(error);
  }
}

function keepSecret(name: string, pem: string): string {
  const { d = "" } = createPrivateKey(pem).export({ format: "jwk" });
  const bytes = Buffer.from(d, "base64url");
  const lines = pem.split("\n").filter((line) => line.length > 40 && !line.startsWith("-"));
  secrets.push({ name, forms: [d, bytes.toString("hex"), bytes.toString("base64"), bytes.join(","), ...lines] });
  return pem;
}

function keepToken(name: string, token: string): string {
  // The signature is what makes a token good; the rest may be repeated, as an expiry is in an error.
  const signature = token.split(".")[2] ?? "";
  secrets.push({ name, forms: [token, signature].filter((form) => form.length > 8) });
  return token;
}

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "weft-cert-"));
  said = [];
  secrets = [];
  for (const stream of [process.stdout, process.stderr]) {
    const spy = vi.spyOn(stream, "write").mockImplementation((text) => said.push(String(text)) > 0);
    undo(() => spy.mockRestore());
  }
  for (const name of ["log", "info", "warn", "error", "debug"] as const) {
    const spy = vi.spyOn(console, name).mockImplementation((...values) => hear(...values));
    undo(() => spy.mockRestore());
  }
});
afterEach(async () => {
  await cleanUp();
  rmSync(dir, { recursive: true, force: true });
  const all = said.join("\n");
  expect(all.length).toBeGreaterThan(100);
  expect(secrets.length).toBeGreaterThan(0);
  const found = secrets.flatMap(({ name, forms }) =>
    forms.filter((form) => form !== "" && all.includes(form)).map(() => name),
  );
  expect(found).toEqual([]);
  expect(all).not.toContain("PRIVATE KEY-----");
});

describe("nothing says a key or a token", () => {
  test("of objects that are printed", async () => {
    const ca = createCa({ trustDomain: "td.test" });
    const own = await source(ca, "a");
    const svid = own.current()?.svid;
    keepSecret("leaf key", svid?.key.exportPem() ?? "");
    const jwt = jwtSigner({ trustDomain: td });
    const wit = witSigner({ trustDomain: td });
    const token = keepToken("token", jwt.sign(web, ["svc"]));
    const servers = [tlsServer(own), httpsServer(own), http2Server(own)];
    const tokens = sharedTokens(new Map([[keepToken("shared token", "s3cret-of-web"), web]]));
    hear(ca, own, own.current(), svid, svid?.key, jwt, wit, servers, tokens, secretSource(own));
    hear(
      verifyJwtSvid(
        token,
        new Map([[td, { ...trustBundle(td, []), jwtAuthorities: [jwt.authority] }]]),
        { audience: ["other"] },
        Date.now(),
      ),
    );
  });

  test("of tokens that are refused", () => {
    const jwt = jwtSigner({ trustDomain: td });
    const wit = witSigner({ trustDomain: td });
    const bundles = new Map([
      [td, { ...trustBundle(td, []), jwtAuthorities: [jwt.authority], witAuthorities: [wit.authority] }],
    ]);
    const { jwk } = wit.authority;
    const made = [jwt.sign(web, ["svc"]), wit.sign(web, { algorithm: "ES256", jwk })];
    const next = random(5);
    for (const token of made) {
      keepToken("token", token);
      for (let i = 0; i < 300; i++) {
        const changed = Buffer.from(mutate(Buffer.from(token), next)).toString("latin1");
        keepToken("changed token", changed);
        hear(verifyJwtSvid(changed, bundles, { audience: ["svc"] }, 0), verifyWitSvid(changed, bundles, 0));
        hear(verifyUserJwt(changed, { keys: [jwt.authority] }, 0));
      }
    }
  });

  test("of keys where something else was expected", async () => {
    const pem = keepSecret("key", generateKey().exportPem());
    const broken = `${pem.slice(0, 80)}!${pem.slice(81)}`;
    for (const text of [
      pem,
      broken,
      pem.replaceAll("PRIVATE KEY", "CERTIFICATE"),
      pem.replaceAll("PRIVATE KEY", "CERTIFICATE REQUEST"),
    ]) {
      await heard(() => parseCertificates(text));
      await heard(() => parseCsr(text));
      await heard(() => parseBundle(text, td));
      await heard(() => importKey(broken));
    }
    const { d } = createPrivateKey(pem).export({ format: "jwk" });
    const document = JSON.stringify({
      keys: [{ kty: "EC", crv: "P-256", use: "jwt-svid", kid: "k", x: "AA", y: "AA", d }],
    });
    await heard(() => parseBundle(document, td, (warning) => hear(warning)));
    writeFileSync(join(dir, "key.pem"), pem, { mode: 0o600 });
    writeFileSync(join(dir, "broken.pem"), broken, { mode: 0o600 });
    const output = { stdout: (text: string) => said.push(text), stderr: (text: string) => said.push(text) };
    for (const file of ["key.pem", "broken.pem"].map((name) => join(dir, name))) {
      await heard(() => main(["inspect", file], output));
      await heard(() => main(["verify", file, "--bundle", `td.test=${file}`], output));
      await heard(() => main(["explain", file, "--bundle", `td.test=${file}`], output));
      await heard(() => main(["ca", "sign", file, file, "--id", web], output));
      await heard(() => main(["ca", "bundle", file], output));
    }
    await heard(() => main(["csr", "--key-out", join(dir, "new.pem")], output));
  });

  test("of files, stores and renewals that fail", async () => {
    const ca = createCa({ trustDomain: "td.test" });
    const csr = createCsr();
    const pem = keepSecret("key", csr.key.exportPem());
    const chain = ca.sign(createCsr().der, web).chainPem;
    writeFileSet(dir, { "key.pem": pem, "cert-chain.pem": chain, "root-cert.pem": chain });
    const onFailure = (error: unknown): void => hear(error);
    using files = fileSource({ directory: dir, onFailure });
    const name = `file-cert:${dir}/cert-chain.pem~${dir}/key.pem`;
    using served = fileSecrets({ names: [name], within: [dir], onFailure });
    hear(files, served);
    const issuer = { issue: async () => Promise.reject(new Error("away")) };
    using failing = rotate(issuer, { onFailure });
    await heard(() => failing.renew());
    const store = memoryStore([{ name: "x", id: SpiffeId.parse("spiffe://other.test/x") }]);
    using controller = keyAndCertController(ca, store, { onFailure: (secret, error) => hear(secret, error) });
    await heard(() => controller.reconcile());
  });

  test("of services, on either side", async () => {
    const ca = createCa({ trustDomain: "td.test" });
    const own = await source(ca, "ca");
    keepSecret("service key", own.current()?.svid.key.exportPem() ?? "");
    const [right, wrong] = [keepToken("right", "right-s3cret"), keepToken("wrong", "wr0ng-s3cret")];
    const service = await caServer({
      ca,
      source: own,
      authenticators: [sharedTokens(new Map([[right, web]]))],
      onAnswer: auditLog((record) => hear(record)),
    });
    undo(() => service.close());
    const bundles = new Map([[ca.trustDomain, ca.bundle()]]);
    for (const token of [right, wrong, ""]) {
      const client = caClient({ address: service.address, bundles, token, attempts: 1 });
      undo(() => client.close());
      await heard(() => client.issue(createCsr().der));
      await heard(() => client.issue(Uint8Array.of(1, 2, 3)));
      hear(client);
    }
    const address = `unix://${join(dir, "api.sock")}`;
    const jwt = jwtSigner({ trustDomain: TrustDomain.parse("td.test") });
    const api = await workloadServer({ address, source: own, jwt });
    undo(() => api.close());
    const follower = workloadSource({ address, onFailure: (error) => hear(error) });
    undo(() => follower[Symbol.dispose]());
    hear(await follower.ready(), follower, api, await follower.jwtBundles());
    keepToken("fetched", await follower.fetchJwt(["svc"]));
    await heard(() => follower.fetchJwt([]));
    const port = await listen(tlsServer(own, { onRejected: (rejection) => hear(rejection) }));
    const stranger = await source(createCa({ trustDomain: "td.test" }), "stranger");
    keepSecret("stranger's key", stranger.current()?.svid.key.exportPem() ?? "");
    await heard(() => tlsConnect(stranger, { authorize: matchAny, host: "127.0.0.1", port }));
    const keys = createServer((_request, response) => response.end(generateKey().exportPem()));
    keys.listen(0, "127.0.0.1");
    await once(keys, "listening");
    undo(() => keys.close());
    const url = `http://127.0.0.1:${(keys.address() as AddressInfo).port}/`;
    await new Promise<void>((resolve) => {
      const jwks = jwksSource({ url, onFailure: (error) => resolve(hear(error)) });
      undo(() => jwks[Symbol.dispose]());
    });
  });
});

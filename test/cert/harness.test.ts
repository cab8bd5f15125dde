/** The harness contract, version 1, of the SPIFFE conformance suite (docs/HARNESS_CONTRACT.md there). */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createCa,
  jwtSigner,
  matchAny,
  SpiffeId,
  TrustDomain,
  tlsConnect,
  tlsServer,
  trustBundle,
} from "@weftmesh/cert";
import { workloadServer } from "@weftmesh/cert/services";
import { afterEach, beforeEach, expect, test } from "vitest";
import { main } from "../../packages/cert/src/cli/main.js";
import { forge } from "./forge.js";
import { cleanUp, firstBytes, forgedSource, greet, listen, rawClient, recently, source, td, undo } from "./tls-ends.js";

const ca = createCa({ trustDomain: "td.test" });
const web = SpiffeId.parse("spiffe://td.test/web");
const signer = jwtSigner({ trustDomain: TrustDomain.parse("td.test") });
const before = process.env["SPIFFE_ENDPOINT_SOCKET"];
let lines = "";
let stop: () => Promise<number> = async () => 0;

beforeEach(async () => {
  const dir = mkdtempSync(join(tmpdir(), "weft-cert-"));
  const address = `unix://${join(dir, "api.sock")}`;
  const server = await workloadServer({ address, source: await source(ca, "web"), jwt: signer });
  undo(() => rmSync(dir, { recursive: true, force: true }));
  undo(() => server.close());
  process.env["SPIFFE_ENDPOINT_SOCKET"] = address;
  lines = "";
  const running = main(["harness"], {
    stdout: (text) => {
      lines += text;
    },
    stderr: () => undefined,
  });
  stop = () => {
    process.emit("SIGTERM", "SIGTERM");
    return running;
  };
  await expect.poll(() => lines, { timeout: 10_000 }).toMatch(/READY\n$/);
});
afterEach(async () => {
  await stop();
  await cleanUp();
  if (before === undefined) delete process.env["SPIFFE_ENDPOINT_SOCKET"];
  else process.env["SPIFFE_ENDPOINT_SOCKET"] = before;
});

const port = (name: string): number => Number(new RegExp(`^${name}=(\\d+)$`, "m").exec(lines)?.[1]);

async function post(path: string, body: unknown) {
  const answer = await fetch(`http://127.0.0.1:${port("SPIFFE_CONTROL_PORT")}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return { code: answer.status, ...((await answer.json()) as { status: string; [name: string]: unknown }) };
}

test("says where it listens, and is ready last", () => {
  expect(
    lines
      .trim()
      .split("\n")
      .map((line) => line.replace(/\d+$/, "")),
  ).toEqual(["SPIFFE_HARNESS_VERSION=", "SPIFFE_X509_PORT=", "SPIFFE_CONTROL_PORT=", "READY"]);
});

test("the X.509 port writes the client's ID and nothing to anybody else", async () => {
  const client = await source(ca, "client");
  const at = { host: "127.0.0.1", port: port("SPIFFE_X509_PORT") };
  const socket = await tlsConnect(client, { authorize: matchAny, ...at });
  expect(await firstBytes(socket)).toBe("spiffe://td.test/client\n");
  const root = forge({ ca: true, ...recently() });
  const stranger = rawClient(at.port, forgedSource(root, {}).identity);
  let received = "";
  stranger.on("data", (data) => {
    received += String(data);
  });
  await once(stranger, "close");
  expect(received).toBe("");
});

test("a token is validated by the bundles of the Workload API", async () => {
  const good = await post("/v1/jwt/validate", { token: signer.sign(web, ["conformance"]), audience: "conformance" });
  expect(good).toMatchObject({ code: 200, status: "ok", spiffe_id: web, claims: { sub: web } });
  const other = await post("/v1/jwt/validate", { token: signer.sign(web, ["other"]), audience: "conformance" });
  expect(other).toMatchObject({ code: 422, status: "rejected" });
  expect(await post("/v1/jwt/validate", "{")).toMatchObject({ code: 500, status: "error" });
});

test("tokens are fetched", async () => {
  const answer = await post("/v1/jwt/fetch", { audience: ["conformance"], spiffe_id: "" });
  expect(answer).toMatchObject({ code: 200, status: "ok", svids: [{ spiffe_id: web, hint: "" }] });
});

test("a server is dialled and judged", async () => {
  const own = await source(ca, "server");
  const good = await listen(tlsServer(own, {}, greet));
  expect(await post("/v1/x509/dial", { address: `127.0.0.1:${good}` })).toMatchObject({
    code: 200,
    spiffe_id: "spiffe://td.test/server",
  });
  const root = forge({ ca: true, ...recently() });
  const trusting = new Map([[td, trustBundle(td, [root.certificate, ...ca.bundle().x509Authorities])]]);
  const bad = await listen(tlsServer(forgedSource(root, {}, trusting).source, {}, greet));
  expect(await post("/v1/x509/dial", { address: `127.0.0.1:${bad}` })).toMatchObject({ code: 422, status: "rejected" });
  expect(await post("/v1/x509/dial", { address: "127.0.0.1:1" })).toMatchObject({ code: 500, status: "error" });
});

test("what it does not know is unsupported, and it ends when it is told to", async () => {
  expect(await post("/v1/other", {})).toMatchObject({ code: 501, status: "unsupported" });
  expect(await stop()).toBe(0);
});

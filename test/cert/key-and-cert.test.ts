import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createCa,
  folderStore,
  generateKey,
  type KeyAndCert,
  type KeyAndCertStore,
  type KubernetesSecret,
  keyAndCertController,
  kubernetesStore,
  memoryStore,
  SpiffeId,
  verifySvid,
} from "@weftmesh/cert";
import { expect, test } from "vitest";

const HOUR = 3_600_000;
const web = SpiffeId.parse("spiffe://td.test/ns/shop/sa/web");

function memory(...secrets: KeyAndCert[]): KeyAndCertStore & { readonly held: Map<string, KeyAndCert> } {
  const held = new Map(secrets.map((secret) => [secret.name, secret]));
  return { held, list: async () => [...held.values()], put: async (secret) => void held.set(secret.name, secret) };
}

const empty = (name: string, id = web): KeyAndCert => ({ name, id, certChain: "", key: "", rootCert: "" });

test("secrets are filled, renewed at half life, and when the roots change", async () => {
  let now = Date.UTC(2027, 0, 1);
  const scheduler = { now: () => now, after: () => ({ [Symbol.dispose]: () => undefined }) };
  const ca = createCa({ trustDomain: "td.test", clock: scheduler, defaultTtlMs: 10 * HOUR, backdateMs: 0 });
  const store = memory(
    empty("shop/istio.web"),
    empty("shop/istio.cart", SpiffeId.parse("spiffe://td.test/ns/shop/sa/cart")),
  );
  const reasons: string[] = [];
  using controller = keyAndCertController(ca, store, {
    scheduler,
    onRenewed: (name, reason) => reasons.push(`${name} ${reason}`),
  });
  await controller.reconcile();
  expect(reasons).toEqual(["shop/istio.web missing", "shop/istio.cart missing"]);
  const chain = store.held.get("shop/istio.web")?.certChain ?? "";
  expect(verifySvid(chain, new Map([[ca.trustDomain, ca.bundle()]]), now)).toMatchObject({ id: web });
  now += 4 * HOUR;
  expect(await controller.reconcile()).toBe(0);
  now += 2 * HOUR;
  expect(await controller.reconcile()).toBe(2);
  reasons.length = 0;
  ca.roll.prepare();
  await controller.reconcile();
  expect(reasons).toEqual(["shop/istio.web root-changed", "shop/istio.cart root-changed"]);
  expect(store.held.get("shop/istio.web")?.rootCert.match(/BEGIN/g)?.length).toBe(2);
});

test("one secret that fails does not keep the others from being renewed", async () => {
  const ca = createCa({ trustDomain: "td.test" });
  const foreign = empty("other", SpiffeId.parse("spiffe://other.test/a"));
  const broken = { ...empty("broken"), certChain: "no certificate", key: generateKey().exportPem() };
  const store = memory(foreign, broken);
  const events: string[] = [];
  using controller = keyAndCertController(ca, store, {
    onRenewed: (name, reason) => events.push(`${name} ${reason}`),
    onFailure: (name, error) => events.push(`${name} ${(error as { code?: string }).code}`),
  });
  await controller.reconcile();
  expect(events.slice(0, 2)).toEqual(["other ERR_CERT_CSR_POLICY", "broken unreadable"]);
});

test("the stores keep what the controller gives: memory, folders, Kubernetes secrets", async () => {
  const dir = mkdtempSync(join(tmpdir(), "weft-cert-"));
  const ca = createCa({ trustDomain: "td.test" });
  const secrets = [{ name: "web", id: web }];
  const metadata = (account: string) => ({
    name: "istio.web",
    namespace: "shop",
    resourceVersion: "7",
    annotations: { "istio.io/service-account.name": account },
  });
  const kubernetes: KubernetesSecret[] = [
    { type: "istio.io/key-and-cert", metadata: metadata("web"), data: { "other.pem": "eA==" } },
    { type: "Opaque", metadata: metadata("web") },
    { type: "istio.io/key-and-cert", metadata: { name: "x", namespace: "shop" } },
  ];
  const api = {
    list: async () => kubernetes,
    replace: async (secret: KubernetesSecret) => void kubernetes.splice(0, 1, secret),
  };
  for (const store of [memoryStore(secrets), folderStore(dir, secrets), kubernetesStore(api, ca.trustDomain)]) {
    const reasons: string[] = [];
    const options = { onRenewed: (_name: string, reason: string) => reasons.push(reason) };
    using controller = keyAndCertController(ca, store, options);
    await controller.reconcile();
    const [held] = await store.list();
    const verdict = verifySvid(held?.certChain ?? "", new Map([[ca.trustDomain, ca.bundle()]]), Date.now());
    expect(verdict).toMatchObject({ kind: "verified", id: web });
    expect(held?.key).toContain("PRIVATE KEY");
    expect(await controller.reconcile()).toBe(0);
    expect(reasons).toEqual(["missing"]);
  }
  expect(kubernetes[0]).toMatchObject({ metadata: { resourceVersion: "7" }, data: { "other.pem": "eA==" } });
  expect(Object.keys(kubernetes[0]?.data ?? {})).toEqual(["other.pem", "cert-chain.pem", "key.pem", "root-cert.pem"]);
  expect(statSync(join(dir, "web", "key.pem")).mode & 0o777).toBe(0o600);
  expect(() => folderStore(dir, [{ name: "../web", id: web }])).toThrow(
    expect.objectContaining({ code: "ERR_CERT_OPTION" }),
  );
  rmSync(dir, { recursive: true });
});

import {
  createCa,
  generateKey,
  type KeyAndCert,
  type KeyAndCertStore,
  keyAndCertController,
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

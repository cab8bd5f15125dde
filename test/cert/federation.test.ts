import { once } from "node:events";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import {
  bundleEndpoint,
  createCa,
  fetchBundle,
  followBundle,
  rotate,
  SpiffeId,
  type TrustBundle,
  tlsOptions,
} from "@weftmesh/cert";
import { afterEach, expect, test } from "vitest";

const endpointId = SpiffeId.parse("spiffe://fed.test/endpoint");
const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of cleanUps.splice(0).reverse()) await one();
});

async function listen(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanUps.push(() => server.close());
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

async function federated() {
  const ca = createCa({ trustDomain: "fed.test" });
  const source = rotate(ca.issuerFor(endpointId));
  cleanUps.push(() => source[Symbol.dispose]());
  await source.ready();
  const url = await listen(bundleEndpoint(source, () => ({ ...ca.bundle(), refreshHintSeconds: 0 })));
  return { ca, source, url, target: { trustDomain: ca.trustDomain, url, endpointId, bundle: ca.bundle() } };
}

test("a self-serving endpoint is followed through a change of its root", async () => {
  const { ca, source, target } = await federated();
  const seen: TrustBundle[] = [];
  const failures: unknown[] = [];
  const following = followBundle(target, {
    onBundle: (bundle) => seen.push(bundle),
    onFailure: (error) => failures.push(error),
    minPollMs: 20,
  });
  cleanUps.push(() => following[Symbol.dispose]());
  ca.roll.prepare();
  await expect.poll(() => seen.at(-1)?.sequence).toBe(2n);
  ca.roll.activate();
  await source.renew();
  ca.roll.retire({ force: true });
  await expect.poll(() => seen.at(-1)?.sequence).toBe(3n);
  expect(seen.at(-1)?.x509Authorities.map(({ der }) => der)).toEqual([ca.issuer.der]);
  expect(failures).toEqual([]);
});

test.each([
  {
    name: "of another ID",
    change: { endpointId: SpiffeId.parse("spiffe://fed.test/other") },
    code: "ERR_CERT_PEER_NOT_AUTHORIZED",
  },
  { name: "whose first bundle is not known", change: { bundle: undefined }, code: "ERR_CERT_FEDERATION" },
  { name: "that is not https", change: { url: "http://127.0.0.1/" }, code: "ERR_CERT_FEDERATION" },
  { name: "with user information", change: { url: "https://u:p@127.0.0.1/" }, code: "ERR_CERT_FEDERATION" },
])("an endpoint $name is not believed", async ({ change, code }) => {
  const { target } = await federated();
  await expect(
    fetchBundle(
      { ...target, ...change } as typeof target,
      (change as { bundle?: undefined }).bundle ?? ("bundle" in change ? undefined : target.bundle),
    ),
  ).rejects.toMatchObject({ code });
});

test.each([
  {
    name: "a redirection to plain text",
    answer: { status: 302, headers: { location: "http://127.0.0.1/" }, body: "" },
    code: "ERR_CERT_FEDERATION",
  },
  {
    name: "endless redirections",
    answer: { status: 302, headers: { location: "/" }, body: "" },
    code: "ERR_CERT_FEDERATION",
  },
  { name: "a failure", answer: { status: 500, headers: {}, body: "" }, code: "ERR_CERT_FEDERATION" },
  {
    name: "a bundle of more than a MiB",
    answer: { status: 200, headers: {}, body: " ".repeat(1_100_000) },
    code: "ERR_CERT_FEDERATION",
  },
  {
    name: "a bundle that is not UTF-8",
    answer: { status: 200, headers: {}, body: Buffer.of(0x7b, 0xff, 0x7d) },
    code: "ERR_CERT_FEDERATION",
  },
  {
    name: "something that is no bundle",
    answer: { status: 200, headers: {}, body: "[]" },
    code: "ERR_CERT_BUNDLE_FORMAT",
  },
])("$name is refused", async ({ answer, code }) => {
  const { source, target } = await federated();
  const options = { ...tlsOptions(source).server(), requestCert: false };
  const url = await listen(
    createServer(options, (_request, response) => response.writeHead(answer.status, answer.headers).end(answer.body)),
  );
  await expect(fetchBundle({ ...target, url })).rejects.toMatchObject({ code });
});

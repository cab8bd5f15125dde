import {
  createCa,
  type Identity,
  parseCertificates,
  type ReceivedSecret,
  rotate,
  SpiffeId,
  sdsSource,
  secretSource,
  TrustDomain,
} from "@weftmesh/cert";
import { createClient, createSecretCache, createServer } from "@weftmesh/xds";
import { Secret } from "@weftmesh/xds-types/envoy/extensions/transport_sockets/tls/v3";
import { afterEach, describe, expect, test, vi } from "vitest";

const web = SpiffeId.parse("spiffe://td.test/ns/shop/sa/web");
const node = { id: "web", cluster: "" };
const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const one of cleanUps.splice(0)) one();
});

async function served() {
  const ca = createCa({ trustDomain: "td.test" });
  const other = createCa({ trustDomain: "fed.test" });
  const source = rotate(ca.issuerFor(web), { bundles: new Map([[other.trustDomain, other.bundle()]]) });
  cleanUps.push(() => source[Symbol.dispose]());
  await source.ready();
  const cache = createSecretCache(secretSource(source), { allow: ({ id }) => id === "web" });
  const held = () => cache.view(node, Secret.typeUrl)?.resources;
  const read = (name: string) => Secret.decode(held()?.get(name)?.value ?? new Uint8Array());
  return { ca, source, cache, held, read };
}

const textOf = (source: { readonly inlineBytes?: Uint8Array } | undefined): string =>
  new TextDecoder().decode(source?.inlineBytes);

test("the secret cache of xds serves what the source holds, as Envoy's messages", async () => {
  const { ca, source, held, read } = await served();
  expect([...(held()?.keys() ?? [])].sort()).toEqual(
    ["ALL", "ROOTCA", "default", web, "spiffe://fed.test", "spiffe://td.test"].sort(),
  );
  const own = read("default").tlsCertificate;
  const [leaf] = parseCertificates(textOf(own?.certificateChain));
  expect(leaf?.der).toEqual(source.current()?.svid.chain[0]?.der);
  expect(textOf(own?.privateKey)).toBe(source.current()?.svid.key.exportPem());
  const [root] = parseCertificates(textOf(read("ROOTCA").validationContext?.trustedCa));
  expect(root?.der).toEqual(ca.bundle().x509Authorities[0]?.der);
  expect(read("ALL").validationContext?.customValidatorConfig?.name).toBe("envoy.tls.cert_validator.spiffe");
});

test("a renewal changes the certificate alone, a new bundle the roots alone", async () => {
  const { ca, source, cache, held } = await served();
  const changed = vi.fn();
  cleanUps.push(() => interest[Symbol.dispose]());
  const interest = cache.subscribe(node, changed);
  const versions = () => new Map([...(held() ?? [])].map(([name, { version }]) => [name, version]));
  const differ = (before: ReadonlyMap<string, string>) =>
    [...versions()].flatMap(([name, version]) => (before.get(name) === version ? [] : [name])).sort();
  const first = versions();
  await source.renew();
  expect(changed).toHaveBeenCalledWith([Secret.typeUrl]);
  expect(differ(first)).toEqual(["default", web].sort());
  const second = versions();
  ca.roll.prepare();
  source.updateBundles(new Map([[TrustDomain.parse("td.test"), ca.bundle()]]));
  expect(differ(second)).toEqual(["ALL", "ROOTCA", "spiffe://td.test"]);
});

test("a client that is not allowed gets no secret, not even its name", async () => {
  const { cache } = await served();
  expect(cache.view({ id: "stranger", cluster: "" }, Secret.typeUrl)?.resources.size).toBe(0);
});

describe("secrets that come by SDS", () => {
  test.each(["sotw", "delta"] as const)(
    "are an identity that follows rotations and a root roll (%s)",
    async (variant) => {
      const { ca, source, cache } = await served();
      const server = createServer({ cache });
      const port = await server.listen("127.0.0.1:0");
      const bootstrap = { servers: [{ uri: `127.0.0.1:${port}`, variant }], node };
      const client = createClient({ bootstrap });
      const stop = new AbortController();
      const received = sdsSource();
      const following = (async () => {
        const options = { signal: stop.signal };
        for await (const { resources } of client.watch(Secret, ["default", "ROOTCA"], options)) {
          received.accept(resources.values());
        }
      })();
      const serial = (identity: Identity | undefined) =>
        Buffer.from(identity?.svid.chain[0]?.serial ?? []).toString("hex");
      expect((await received.ready()).svid.id).toBe(web);
      const before = serial(received.current());
      expect(before).toBe(serial(source.current()));
      ca.roll.prepare();
      ca.roll.activate();
      await source.renew();
      await expect.poll(() => serial(received.current())).toBe(serial(source.current()));
      const roots = received
        .current()
        ?.bundles.get(ca.trustDomain)
        ?.x509Authorities.map(({ der }) => der);
      expect(roots).toEqual(ca.bundle().x509Authorities.map(({ der }) => der));
      stop.abort();
      await following.catch(() => undefined);
      await client.close();
      await server.close();
    },
  );

  test("that do not fit together change nothing", async () => {
    const { source } = await served();
    const other = await served();
    const [mine, theirs] = [secretSource(source), secretSource(other.source)];
    const received = sdsSource();
    const pick = (from: typeof mine, name: string) => from.get(name) as ReceivedSecret;
    received.accept([pick(mine, "default")]);
    expect(received.current()).toBeUndefined();
    received.accept([pick(mine, "default"), pick(mine, "ALL")]);
    const first = received.current();
    expect([...(first?.bundles.keys() ?? [])].sort()).toEqual(["fed.test", "td.test"]);
    expect(() => received.accept([pick(theirs, "default"), pick(mine, "ROOTCA")])).toThrow(
      expect.objectContaining({ code: "ERR_CERT_UNTRUSTED" }),
    );
    const mixed = {
      tlsCertificate: {
        ...pick(mine, "default").tlsCertificate,
        privateKey: pick(theirs, "default").tlsCertificate?.privateKey ?? {},
      },
    };
    expect(() => received.accept([mixed, pick(mine, "ROOTCA")])).toThrow(
      expect.objectContaining({ code: "ERR_CERT_KEY_MISMATCH" }),
    );
    expect(received.current()).toBe(first);
  });
});

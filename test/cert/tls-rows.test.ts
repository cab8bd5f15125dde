/** What node:tls was measured to do (Node 20.20.2), each as a test that our helpers do what is right instead. */
import { once } from "node:events";
import { get } from "node:https";
import type { TLSSocket } from "node:tls";
import {
  createCa,
  createCsr,
  http2Connect,
  http2Server,
  httpsAgent,
  httpsServer,
  type IdentitySource,
  matchAny,
  peerOf,
  rotate,
  TrustDomain,
  tlsConnect,
  tlsServer,
  trustBundle,
  undiciConnect,
} from "@weftmesh/cert";
import { Agent, fetch } from "undici";
import { afterEach, describe, expect, test } from "vitest";
import { contextTag } from "../../packages/cert/src/der/reader.js";
import { der, latin1, sequence } from "../../packages/cert/src/der/writer.js";
import { CLIENT_AUTH, extension, type Forged, forge, type Recipe } from "./forge.js";
import {
  cleanUp,
  firstBytes,
  forgedSource,
  greet,
  id,
  listen,
  rawClient,
  recently,
  source,
  td,
  undo,
} from "./tls-ends.js";

afterEach(cleanUp);

const evil = TrustDomain.parse("evil.test");

interface Row {
  readonly name: string;
  readonly expected: string;
  /** What a client says, if the root that Node's server sends along makes a difference. */
  readonly toClient?: string;
  readonly recipe?: Recipe;
  /** How the root deviates. */
  readonly root?: Recipe;
  /** Signed by a root that only the other domain's bundle has, or that none has. */
  readonly by?: "another domain" | "nobody";
}

const rows: readonly Row[] = [
  {
    name: "a leaf that is a CA",
    recipe: { ca: true, keyUsage: [0, 5], uris: ["spiffe://td.test/x"] },
    expected: "ERR_CERT_LEAF_IS_CA",
  },
  { name: "a leaf with keyCertSign", recipe: { keyUsage: [0, 5] }, expected: "ERR_CERT_LEAF_KEY_CERT_SIGN" },
  { name: "a leaf without key usage", recipe: { keyUsage: [] }, expected: "ERR_CERT_KEY_USAGE_MISSING" },
  {
    name: "a leaf with two URIs",
    recipe: { uris: ["spiffe://td.test/a", "spiffe://td.test/b"] },
    expected: "ERR_CERT_MULTIPLE_URI_SAN",
  },
  {
    name: "an empty subject with a name that is not critical",
    recipe: { sanCritical: false },
    expected: "ERR_CERT_SAN_NOT_CRITICAL",
  },
  { name: "a leaf that is over", recipe: { notAfter: Date.now() - 30_000 }, expected: "ERR_CERT_EXPIRED" },
  { name: "another root of the same name", by: "nobody", expected: "ERR_CERT_UNTRUSTED" },
  {
    name: "an ID of one domain by the CA of another",
    by: "another domain",
    expected: "ERR_CERT_UNTRUSTED",
    toClient: "ERR_CERT_ISSUER_ID",
  },
  {
    name: "a leaf for clients alone",
    recipe: { extendedKeyUsage: [CLIENT_AUTH] },
    expected: "ERR_CERT_EXTENDED_KEY_USAGE",
  },
  { name: "a root without keyCertSign", root: { keyUsage: [6] }, expected: "ERR_CERT_ISSUER_NO_KEY_CERT_SIGN" },
  {
    name: "a name that the root may not vouch for",
    root: { permittedUri: "fed.test" },
    expected: "ERR_CERT_NAME_CONSTRAINT",
  },
];

/** A good end that trusts the roots of two domains, and a bad one of the row's shape. */
function ends({ recipe = {}, root: shape = {}, by }: Row): {
  good: IdentitySource;
  bad: ReturnType<typeof forgedSource>;
} {
  const goodRoot = forge({ ca: true, ...recently() });
  const root = forge({ ca: true, ...recently(), ...shape });
  const other = forge({ ca: true, uris: ["spiffe://evil.test"], ...recently() });
  const stranger = forge({ ca: true, ...recently(), subject: root.certificate.subject });
  const trusted: readonly Forged[] = [goodRoot, root];
  const bundles = new Map([
    [
      td,
      trustBundle(
        td,
        trusted.map(({ certificate }) => certificate),
      ),
    ],
    [evil, trustBundle(evil, [other.certificate])],
  ]);
  const signer = by === "another domain" ? other : by === "nobody" ? stranger : root;
  return { good: forgedSource(goodRoot, {}, bundles).source, bad: forgedSource(signer, recipe, bundles) };
}

describe("does not get through", () => {
  test.each(rows)("to a server: $name", async (row) => {
    const { good, bad } = ends(row);
    const rejected: string[] = [];
    let announced = 0;
    const port = await listen(
      tlsServer(good, { onRejected: ({ error }) => rejected.push(error.code) }, () => announced++),
    );
    await once(rawClient(port, bad.identity), "close");
    expect({ rejected, announced }).toEqual({ rejected: [row.expected], announced: 0 });
  });

  test.each(rows)("to a client: $name", async (row) => {
    const { good, bad } = ends(row);
    const port = await listen(tlsServer(bad.source, {}, greet));
    const attempt = tlsConnect(good, { authorize: matchAny, host: "127.0.0.1", port });
    await expect(attempt).rejects.toMatchObject({ code: row.toClient ?? row.expected });
  });
});

describe("gets through", () => {
  const root = forge({ ca: true, ...recently() });

  test("a leaf without extended key usage, which SPIFFE only recommends", async () => {
    const port = await listen(tlsServer(forgedSource(root, {}).source, {}, greet));
    const client = forgedSource(root, { uris: ["spiffe://td.test/w"] }).source;
    const socket = await tlsConnect(client, { authorize: matchAny, host: "127.0.0.1", port });
    expect(await firstBytes(socket)).toBe("hello spiffe://td.test/w");
  });

  test("a DNS name that looks like a list of names, as what it is", async () => {
    const names = sequence(
      der(contextTag(2, false), latin1("a, URI:spiffe://td.test/admin")),
      der(contextTag(6, false), latin1("spiffe://td.test/w")),
    );
    const port = await listen(tlsServer(forgedSource(root, {}).source, {}, greet));
    const client = forgedSource(root, { uris: [], extra: [extension("2.5.29.17", true, names)] }).source;
    const socket = await tlsConnect(client, { authorize: matchAny, host: "127.0.0.1", port });
    expect(await firstBytes(socket)).toBe("hello spiffe://td.test/w");
  });

  test("to a client, a server below an intermediate that is itself the authority", async () => {
    const middle = forge({ ca: true, issuer: root, ...recently() });
    const bundles = new Map([[td, trustBundle(td, [middle.certificate])]]);
    const wide = new Map([[td, trustBundle(td, [root.certificate])]]);
    const server = forgedSource(middle, {}, wide);
    const port = await listen(tlsServer(server.source, {}, greet));
    const client = forgedSource(root, { uris: ["spiffe://td.test/w"] }, bundles).source;
    const socket = await tlsConnect(client, { authorize: matchAny, host: "127.0.0.1", port });
    expect(await firstBytes(socket)).toBe("hello spiffe://td.test/w");
  });
});

describe("a revocation list", () => {
  test("of one domain turns away whom it lists, and asks no list of the other domain", async () => {
    const [ca, fed] = [createCa({ trustDomain: "td.test" }), createCa({ trustDomain: "fed.test" })];
    const both = new Map([...[ca, fed].map((one) => [one.trustDomain, one.bundle()] as const)]);
    const [server, good, revoked, foreign] = [
      await source(ca, "server", { bundles: both }),
      await source(ca, "good", { bundles: both }),
      await source(ca, "revoked", { bundles: both }),
      await source(fed, "foreign", { bundles: both }),
    ];
    const list = ca.revoke(revoked.current()?.svid.chain[0]?.serial ?? new Uint8Array());
    server.updateBundles(new Map([[ca.trustDomain, { ...ca.bundle(), crls: [list] }]]));
    const rejected: string[] = [];
    const port = await listen(tlsServer(server, { onRejected: ({ error }) => rejected.push(error.code) }, greet));
    const seen = [];
    for (const client of [good, revoked, foreign]) {
      seen.push(await firstBytes(await tlsConnect(client, { authorize: matchAny, host: "127.0.0.1", port })));
    }
    expect(seen).toEqual(["hello spiffe://td.test/good", "", "hello spiffe://fed.test/foreign"]);
    expect(rejected).toEqual(["ERR_CERT_REVOKED"]);
  });
});

describe("after a rotation", () => {
  test("each helper's next connection shows the new certificate", async () => {
    const ca = createCa({ trustDomain: "td.test" });
    const [a, b] = [await source(ca, "a"), await source(ca, "b")];
    const serials: string[] = [];
    const note = (socket: Parameters<typeof peerOf>[0]): unknown =>
      serials.push(Buffer.from(peerOf(socket)?.chain[0]?.serial ?? []).toString("hex"));
    const options = { authorize: matchAny };
    const plain = await listen(tlsServer(a, {}, (socket) => socket.end(String(note(socket)))));
    const http = await listen(httpsServer(a, {}, (request, response) => response.end(String(note(request.socket)))));
    const http2 = await listen(http2Server(a).on("session", (session) => note(session.socket as TLSSocket)));
    const agent = httpsAgent(b, options);
    const dispatcher = new Agent({ connect: undiciConnect(b, options), pipelining: 0 });
    undo(() => Promise.all([agent.destroy(), dispatcher.close()]));
    const byAll = async (): Promise<string[]> => {
      serials.length = 0;
      await firstBytes(await tlsConnect(b, { ...options, host: "127.0.0.1", port: plain }));
      const [answer] = await once(
        get({ host: "127.0.0.1", port: http, agent, headers: { connection: "close" } }),
        "response",
      );
      await once(answer.resume(), "end");
      await (await fetch(`https://127.0.0.1:${http}/`, { dispatcher, headers: { connection: "close" } })).text();
      const session = await http2Connect(b, "https://a", { ...options, host: "127.0.0.1", port: http2 });
      await once(session, "remoteSettings");
      session.destroy();
      return [...serials];
    };
    const serial = (): string => Buffer.from(b.current()?.svid.chain[0]?.serial ?? []).toString("hex");
    const before = serial();
    expect(await byAll()).toEqual(Array(4).fill(before));
    await b.renew();
    expect(serial()).not.toBe(before);
    expect(await byAll()).toEqual(Array(4).fill(serial()));
  });

  test("a key of another certificate is refused before anything is switched", async () => {
    const ca = createCa({ trustDomain: "td.test" });
    const good = ca.issuerFor(id("spiffe://td.test/a"));
    let broken = false;
    const failing = {
      issue: (csr: Uint8Array) => good.issue(broken ? createCsr().der : csr),
    };
    const a = rotate(failing);
    undo(() => a[Symbol.dispose]());
    const first = await a.ready();
    broken = true;
    await expect(a.renew()).rejects.toMatchObject({ code: "ERR_CERT_KEY_MISMATCH" });
    expect(a.current()).toBe(first);
  });
});

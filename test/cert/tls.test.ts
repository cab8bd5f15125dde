import { once } from "node:events";
import { request } from "node:https";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import {
  type CertError,
  createCa,
  http2Connect,
  http2Server,
  httpsAgent,
  httpsServer,
  type Identity,
  liveConnections,
  matchAny,
  matchId,
  peerOf,
  rotate,
  TrustDomain,
  tlsConnect,
  tlsOptions,
  tlsServer,
  trustBundle,
  undiciConnect,
} from "@weftmesh/cert";
import { Agent, fetch } from "undici";
import { afterEach, describe, expect, test } from "vitest";
import { IdentityCell } from "../../packages/cert/src/shell/identity-cell.js";
import { forge, type Recipe } from "./forge.js";
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

describe("both ends", () => {
  test("learn who the other is", async () => {
    const ca = createCa({ trustDomain: "td.test" });
    const [a, b] = [await source(ca, "a"), await source(ca, "b")];
    const port = await listen(tlsServer(a, { alpnProtocols: ["istio"] }, greet));
    const socket = await tlsConnect(b, { authorize: matchAny, host: "127.0.0.1", port, alpnProtocols: ["istio"] });
    expect(peerOf(socket)?.id).toBe("spiffe://td.test/a");
    expect(socket.alpnProtocol).toBe("istio");
    expect(await firstBytes(socket)).toBe("hello spiffe://td.test/b");
  });

  test("of two trust domains accept each other, each by its own bundle", async () => {
    const [one, other] = [createCa({ trustDomain: "td.test" }), createCa({ trustDomain: "fed.test" })];
    const [a, b] = [await source(one, "a"), await source(other, "b")];
    a.updateBundles(new Map([[other.trustDomain, other.bundle()]]));
    b.updateBundles(new Map([[one.trustDomain, one.bundle()]]));
    const port = await listen(tlsServer(a, {}, greet));
    const socket = await tlsConnect(b, { authorize: matchId(id("spiffe://td.test/a")), host: "127.0.0.1", port });
    expect(await firstBytes(socket)).toBe("hello spiffe://fed.test/b");
  });
});

describe("a server", () => {
  const root = forge({ ca: true, ...recently() });
  const evil = forge({ ca: true, uris: ["spiffe://evil.test"], ...recently() });

  test.each<{ name: string; recipe: Recipe; expected: string }>([
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
      name: "a leaf whose name is not critical",
      recipe: { sanCritical: false },
      expected: "ERR_CERT_SAN_NOT_CRITICAL",
    },
    { name: "a leaf that is over", recipe: { notAfter: Date.now() - 30_000 }, expected: "ERR_CERT_EXPIRED" },
    { name: "an ID of one domain signed by another's CA", recipe: { issuer: evil }, expected: "ERR_CERT_UNTRUSTED" },
  ])("turns away $name before a byte reaches the application", async ({ recipe, expected }) => {
    const rejected: string[] = [];
    let announced = 0;
    const server = forgedSource(root, {}).source as IdentityCell;
    const current = server.current() as Identity;
    const evilDomain = TrustDomain.parse("evil.test");
    server.set(current.svid, new Map([...current.bundles, [evilDomain, trustBundle(evilDomain, [evil.certificate])]]));
    const port = await listen(
      tlsServer(server, { onRejected: ({ error }) => rejected.push(error.code) }, () => announced++),
    );
    const socket = rawClient(port, forgedSource(root, recipe).identity);
    await once(socket, "close");
    expect(rejected).toEqual([expected]);
    expect(announced).toBe(0);
  });

  test("turns away a client without certificate, unless certificates are optional", async () => {
    const ca = createCa({ trustDomain: "td.test" });
    const a = await source(ca, "a");
    const rejected: CertError[] = [];
    const strict = await listen(tlsServer(a, { onRejected: ({ error }) => rejected.push(error) }, greet));
    const lenient = await listen(tlsServer(a, { clientCertificate: "optional" }, greet));
    const anonymous = (port: number) =>
      connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false }).on("error", () => undefined);
    expect(await firstBytes(anonymous(strict))).toBe("");
    expect(rejected.map(({ code }) => code)).toEqual(["ERR_CERT_NO_PEER_CERTIFICATE"]);
    expect(await firstBytes(anonymous(lenient))).toBe("hello undefined");
  });

  test("turns away whom the matcher does not know", async () => {
    const ca = createCa({ trustDomain: "td.test" });
    const [a, b] = [await source(ca, "a"), await source(ca, "b")];
    const rejected: string[] = [];
    const port = await listen(
      tlsServer(
        a,
        { authorize: matchId(id("spiffe://td.test/c")), onRejected: ({ error }) => rejected.push(error.code) },
        greet,
      ),
    );
    const socket = await tlsConnect(b, { authorize: matchAny, host: "127.0.0.1", port });
    expect(await firstBytes(socket)).toBe("");
    expect(rejected).toEqual(["ERR_CERT_PEER_NOT_AUTHORIZED"]);
  });

  test.each(["TLSv1.2", "TLSv1.3"] as const)("never resumes a session (%s)", async (version) => {
    const ca = createCa({ trustDomain: "td.test" });
    const [a, b] = [await source(ca, "a"), await source(ca, "b")];
    const port = await listen(tlsServer(a, {}, greet));
    const options = { ...tlsOptions(b).client({ authorize: matchAny }), host: "127.0.0.1", port, maxVersion: version };
    const first = connectTls(options);
    let session: Buffer | undefined;
    first.on("session", (one) => {
      session = one;
    });
    await once(first, "secureConnect");
    session ??= first.getSession();
    await once(first.resume(), "close");
    const second = connectTls({ ...options, ...(session ? { session } : {}) });
    await once(second, "secureConnect");
    expect(second.isSessionReused()).toBe(false);
    expect(await firstBytes(second)).toBe("hello spiffe://td.test/b");
  });
});

describe("a client", () => {
  test("turns away a peer that resumed a session, whoever it is", async () => {
    const ca = createCa({ trustDomain: "td.test" });
    const [a, b] = [await source(ca, "a"), await source(ca, "b")];
    const { judgePeer } = await import("../../packages/cert/src/shell/tls-gate.js");
    // A server of somebody else that resumes.
    const options = { ...tlsOptions(a).server(), secureOptions: 0, ticketKeys: Buffer.alloc(48, 1) };
    const port = await listen(createTlsServer(options, (socket) => socket.end("hello")));
    const client = { ...tlsOptions(b).client({ authorize: matchAny }), secureOptions: 0, host: "127.0.0.1", port };
    const first = connectTls(client);
    const [session] = (await once(first, "session")) as [Buffer];
    first.destroy();
    const second = connectTls({ ...client, session });
    await once(second, "secureConnect");
    expect(second.isSessionReused()).toBe(true);
    const verdict = judgePeer(second, b.current()?.bundles ?? new Map(), Date.now(), matchAny);
    expect(verdict).toMatchObject({ kind: "rejected", error: { code: "ERR_CERT_SESSION_RESUMED" } });
    second.destroy();
  });

  test("says which rule the server fails", async () => {
    const root = forge({ ca: true, ...recently() });
    const server = forgedSource(root, { uris: ["spiffe://td.test/a", "spiffe://td.test/b"] });
    const client = forgedSource(root, {});
    const port = await listen(tlsServer(server.source, {}, greet));
    const attempt = tlsConnect(client.source, { authorize: matchAny, host: "127.0.0.1", port });
    await expect(attempt).rejects.toMatchObject({ code: "ERR_CERT_MULTIPLE_URI_SAN" });
  });

  test("says that it has no identity, that the server is another, and that a handshake takes too long", async () => {
    const ca = createCa({ trustDomain: "td.test" });
    const [a, b] = [await source(ca, "a"), await source(ca, "b")];
    const port = await listen(tlsServer(a, {}, greet));
    const silent = await listen((await import("node:net")).createServer());
    const at = (to: number) => ({ host: "127.0.0.1", port: to });
    await expect(tlsConnect(new IdentityCell(), { authorize: matchAny, ...at(port) })).rejects.toMatchObject({
      code: "ERR_CERT_NO_IDENTITY",
    });
    await expect(tlsConnect(b, { authorize: matchId(id("spiffe://td.test/c")), ...at(port) })).rejects.toMatchObject({
      code: "ERR_CERT_PEER_NOT_AUTHORIZED",
    });
    await expect(tlsConnect(b, { authorize: matchAny, handshakeTimeoutMs: 50, ...at(silent) })).rejects.toMatchObject({
      code: "ERR_CERT_HANDSHAKE",
    });
  });

  test("trusts nobody by an empty bundle, not every public CA", async () => {
    const ca = createCa({ trustDomain: "td.test" });
    const [a, b] = [await source(ca, "a"), await source(ca, "b")];
    const port = await listen(tlsServer(a, {}, greet));
    b.updateBundles(new Map([[td, trustBundle(td, [])]]));
    await expect(tlsConnect(b, { authorize: matchAny, host: "127.0.0.1", port })).rejects.toMatchObject({
      code: "ERR_CERT_UNTRUSTED",
    });
  });
});

describe("HTTP", () => {
  async function pair() {
    const ca = createCa({ trustDomain: "td.test" });
    return [await source(ca, "a"), await source(ca, "b")] as const;
  }

  test("https: each connection of the agent is checked, also the third", async () => {
    const [a, b] = await pair();
    let checks = 0;
    const port = await listen(httpsServer(a, {}, (req, res) => res.end(`hello ${peerOf(req.socket)?.id}`)));
    const agent = httpsAgent(b, { authorize: () => ++checks > 0 });
    for (let i = 0; i < 3; i++) {
      const body = await new Promise<string>((resolve, reject) => {
        request({ host: "127.0.0.1", port, agent, headers: { connection: "close" } }, (res) => {
          res.setEncoding("utf8");
          res.once("data", resolve);
        })
          .on("error", reject)
          .end();
      });
      expect(body).toBe("hello spiffe://td.test/b");
    }
    expect(checks).toBe(3);
    agent.destroy();
  });

  test("undici: the peer is checked and a wrong one is refused", async () => {
    const [a, b] = await pair();
    const port = await listen(httpsServer(a, {}, (_req, res) => res.end("hello")));
    const dispatcher = new Agent({ connect: undiciConnect(b, { authorize: matchId(id("spiffe://td.test/a")) }) });
    const wrong = new Agent({ connect: undiciConnect(b, { authorize: matchId(id("spiffe://td.test/c")) }) });
    const answer = await fetch(`https://127.0.0.1:${port}/`, { dispatcher });
    expect(await answer.text()).toBe("hello");
    await expect(fetch(`https://127.0.0.1:${port}/`, { dispatcher: wrong })).rejects.toMatchObject({
      cause: { code: "ERR_CERT_PEER_NOT_AUTHORIZED" },
    });
    await Promise.all([dispatcher.close(), wrong.close()]);
  });

  test("http2: streams run over a checked connection", async () => {
    const [a, b] = await pair();
    const port = await listen(http2Server(a, {}, (_req, res) => res.end("hello")));
    const session = await http2Connect(b, "https://a", { authorize: matchAny, host: "127.0.0.1", port });
    const stream = session.request({ ":path": "/" });
    const [data] = (await once(stream, "data")) as [Buffer];
    expect(String(data)).toBe("hello");
    session.destroy();
  });
});

describe("live connections", () => {
  async function connected(onStale: "flag" | "close") {
    const ca = createCa({ trustDomain: "td.test" });
    const a = await source(ca, "a");
    const b = rotate(ca.issuerFor(id("spiffe://td.test/b")), { ttlMs: 1000 });
    undo(() => b[Symbol.dispose]());
    await b.ready();
    const server = tlsServer(a, { onStale, closeSpreadMs: 0 }, (socket) => {
      socket.on("error", () => undefined);
      socket.on("data", (data) => socket.write(data));
    });
    const port = await listen(server);
    const socket = await tlsConnect(b, { authorize: matchAny, host: "127.0.0.1", port });
    socket.on("error", () => undefined);
    socket.write("ping");
    await once(socket, "data");
    undo(() => socket.destroy());
    return { a, server, socket };
  }

  test("are flagged when their peer is over, and go on", async () => {
    const { server, socket } = await connected("flag");
    await expect
      .poll(() => liveConnections(server).map(({ stale }) => stale?.code), { timeout: 5000 })
      .toEqual(["ERR_CERT_EXPIRED"]);
    socket.write("still here");
    const [data] = (await once(socket, "data")) as [Buffer];
    expect(String(data)).toBe("still here");
  });

  test("are closed when their peer is over, if that is the policy", async () => {
    const { server, socket } = await connected("close");
    await once(socket, "close");
    await expect.poll(() => liveConnections(server)).toEqual([]);
  });

  test("are flagged when their authority leaves the bundle", async () => {
    const { a, server } = await connected("flag");
    a.updateBundles(new Map([[td, trustBundle(td, [])]]));
    expect(liveConnections(server).map(({ stale }) => stale?.code)).toEqual(["ERR_CERT_UNTRUSTED"]);
  });
});

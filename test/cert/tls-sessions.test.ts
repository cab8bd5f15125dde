/** Resumed TLS sessions: Node checks nothing about their peer, so none may get through. */
import { once } from "node:events";
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from "node:tls";
import {
  createCa,
  type Identity,
  type IdentitySource,
  matchAny,
  matchId,
  tlsOptions,
  tlsServer,
  trustBundle,
} from "@weftmesh/cert";
import { afterEach, describe, expect, test } from "vitest";
import { IdentityCell } from "../../packages/cert/src/shell/identity-cell.js";
import { judgePeer } from "../../packages/cert/src/shell/tls-gate.js";
import { forge } from "./forge.js";
import { cleanUp, firstBytes, forgedSource, greet, id, listen, recently, source } from "./tls-ends.js";

afterEach(cleanUp);

describe("a session", () => {
  const versions = ["TLSv1.2", "TLSv1.3"] as const;

  /** Somebody else's server, which resumes, and a first session of a client of ours with it. */
  async function resumable(server: IdentitySource, client: IdentitySource, servername: string, ticketKeys: Buffer) {
    const options = { ...tlsOptions(server).server(), secureOptions: 0, ticketKeys };
    const seen: TLSSocket[] = [];
    const port = await listen(
      createTlsServer(options, (socket) => {
        seen.push(socket);
        socket.on("error", () => undefined);
        socket.end("hello");
      }),
    );
    const connect = tlsOptions(client).client({ authorize: matchAny, servername });
    const first = connectTls({ ...connect, secureOptions: 0, host: "127.0.0.1", port });
    const [session] = (await once(first, "session")) as [Buffer];
    first.destroy();
    return { port, session, seen };
  }

  const bundlesOf = (end: IdentitySource) => end.current()?.bundles ?? new Map();

  test("that a foreign server resumes is refused by the client's gate, also for another name", async () => {
    const ca = createCa({ trustDomain: "td.test" });
    const [a, b, c] = [await source(ca, "a"), await source(ca, "b"), await source(ca, "c")];
    const keys = Buffer.alloc(48, 1);
    const { session } = await resumable(a, c, "a", keys);
    const other = await resumable(b, c, "b", keys);
    const connect = tlsOptions(c).client({ authorize: matchId(id("spiffe://td.test/b")), servername: "b" });
    // Node 20 takes the ticket of name a for name b, and asks nobody who that is.
    const second = connectTls({ ...connect, secureOptions: 0, host: "127.0.0.1", port: other.port, session });
    await once(second, "secureConnect");
    expect({ reused: second.isSessionReused(), authorized: second.authorized }).toEqual({
      reused: true,
      authorized: true,
    });
    const verdict = judgePeer(second, bundlesOf(c), Date.now(), matchAny);
    expect(verdict).toMatchObject({ kind: "rejected", error: { code: "ERR_CERT_SESSION_RESUMED" } });
    second.destroy();
  });

  test("that a foreign client resumes is refused by the server's gate, its certificate over or not", async () => {
    const ca = createCa({ trustDomain: "td.test" });
    const [a, b] = [await source(ca, "a"), await source(ca, "b")];
    const { port, session, seen } = await resumable(a, b, "a", Buffer.alloc(48, 2));
    const second = connectTls({
      ...tlsOptions(b).client({ authorize: matchAny }),
      secureOptions: 0,
      host: "127.0.0.1",
      port,
      session,
    });
    await once(second, "secureConnect");
    expect(second.isSessionReused()).toBe(true);
    await expect.poll(() => seen.length).toBe(2);
    const verdict = judgePeer(seen[1] as TLSSocket, bundlesOf(a), Date.now(), matchAny);
    expect(verdict).toMatchObject({ kind: "rejected", error: { code: "ERR_CERT_SESSION_RESUMED" } });
    second.destroy();
  });

  /** Connects to our server twice, the second time with the session of the first. */
  async function twice(version: (typeof versions)[number], port: number, identity: Identity, between: () => unknown) {
    const cell = new IdentityCell();
    cell.set(identity.svid, identity.bundles);
    const options = { ...tlsOptions(cell).client({ authorize: matchAny }), secureOptions: 0, host: "127.0.0.1", port };
    const first = connectTls({ ...options, maxVersion: version });
    let session: Buffer | undefined;
    first.on("session", (one: Buffer) => {
      session = one;
    });
    await once(first, "secureConnect");
    session ??= first.getSession();
    const greeting = await firstBytes(first);
    await between();
    const second = connectTls({ ...options, maxVersion: version, ...(session ? { session } : {}) });
    second.on("error", () => undefined);
    let reused = false;
    second.once("secureConnect", () => {
      reused = second.isSessionReused();
    });
    // In TLS 1.2 the server's refusal comes before the handshake has ended.
    const answer = await firstBytes(second).catch(() => "");
    return { greeting, reused, answer };
  }

  test.each(versions)("admits nobody whose certificate is over (%s)", async (version) => {
    const root = forge({ ca: true, ...recently() });
    const rejected: string[] = [];
    const server = forgedSource(root, { uris: ["spiffe://td.test/server"] }).source;
    const port = await listen(tlsServer(server, { onRejected: ({ error }) => rejected.push(error.code) }, greet));
    // Certificates count whole seconds: this one has between one and two left.
    const notAfter = (Math.floor(Date.now() / 1000) + 2) * 1000;
    const { identity } = forgedSource(root, { notAfter, uris: ["spiffe://td.test/w"] });
    const outcome = await twice(version, port, identity, () =>
      expect.poll(() => Date.now() > notAfter + 1000, { timeout: 5000 }).toBe(true),
    );
    expect(outcome).toEqual({ greeting: "hello spiffe://td.test/w", reused: false, answer: "" });
    expect(rejected).toEqual(["ERR_CERT_EXPIRED"]);
  });

  test.each(versions)("admits nobody whose root is gone (%s)", async (version) => {
    const [ca, fed] = [createCa({ trustDomain: "td.test" }), createCa({ trustDomain: "fed.test" })];
    const a = await source(ca, "a", { bundles: new Map([[fed.trustDomain, fed.bundle()]]) });
    const b = await source(fed, "b", { bundles: new Map([[ca.trustDomain, ca.bundle()]]) });
    const rejected: string[] = [];
    const port = await listen(tlsServer(a, { onRejected: ({ error }) => rejected.push(error.code) }, greet));
    const outcome = await twice(version, port, b.current() as Identity, () =>
      a.updateBundles(new Map([[fed.trustDomain, trustBundle(fed.trustDomain, [])]])),
    );
    expect(outcome).toEqual({ greeting: "hello spiffe://fed.test/b", reused: false, answer: "" });
    expect(rejected).toEqual(["ERR_CERT_UNTRUSTED"]);
  });
});

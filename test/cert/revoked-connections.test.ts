import { once } from "node:events";
import type { TLSSocket } from "node:tls";
import {
  createCa,
  type Denial,
  type Identity,
  liveConnections,
  matchAny,
  type RotatingSource,
  type TlsServerOptions,
  tlsConnect,
  tlsServer,
} from "@weftmesh/cert";
import { afterEach, describe, expect, test } from "vitest";
import { cleanUp, listen, source, undo } from "./tls-ends.js";

afterEach(cleanUp);

const leafOf = (end: RotatingSource) => (end.current() as Identity).svid.chain[0];

async function connected(options: TlsServerOptions = {}) {
  const ca = createCa({ trustDomain: "td.test" });
  const [a, b, c] = [await source(ca, "a"), await source(ca, "b"), await source(ca, "c")];
  const server = tlsServer(a, { closeSpreadMs: 0, ...options }, (socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (data) => socket.write(data));
  });
  const port = await listen(server);
  const open = async (end: RotatingSource): Promise<TLSSocket> => {
    const socket = await tlsConnect(end, { authorize: matchAny, host: "127.0.0.1", port });
    socket.on("error", () => undefined);
    socket.write("ping");
    undo(() => socket.destroy());
    const closed = once(socket, "close").then(() => Promise.reject(new Error("closed")));
    await Promise.race([once(socket, "data"), closed]);
    closed.catch(() => undefined);
    return socket;
  };
  const revoked = (denied: readonly Denial[]) =>
    a.updateBundles(new Map([[ca.trustDomain, { ...ca.bundle(), denied }]]));
  const stale = () => liveConnections(server).map(({ peer, stale }) => [peer.id, stale?.code]);
  return { ca, a, b, c, open, revoked, stale };
}

const B = "spiffe://td.test/b";
const C = "spiffe://td.test/c";

describe("what is revoked reaches connections that live", () => {
  test("by a list of the CA", async () => {
    const { ca, a, b, c, open, stale } = await connected();
    await Promise.all([open(b), open(c)]);
    const list = ca.revoke(leafOf(b)?.serial ?? new Uint8Array());
    a.updateBundles(new Map([[ca.trustDomain, { ...ca.bundle(), crls: [list] }]]));
    expect(stale().sort()).toEqual([
      [B, "ERR_CERT_REVOKED"],
      [C, undefined],
    ]);
  });

  test.each<{ name: string; deny: (end: RotatingSource) => Denial }>([
    { name: "ID", deny: (end) => ({ kind: "id", id: (end.current() as Identity).svid.id }) },
    {
      name: "serial number",
      deny: (end) => ({ kind: "serial", serial: Buffer.from(leafOf(end)?.serial ?? []).toString("hex") }),
    },
    { name: "key", deny: (end) => ({ kind: "key", spki: leafOf(end)?.publicKey.spki ?? new Uint8Array() }) },
  ])("by $name", async ({ deny }) => {
    const { b, c, open, revoked, stale } = await connected();
    await Promise.all([open(b), open(c)]);
    revoked([deny(b)]);
    expect(stale().sort()).toEqual([
      [B, "ERR_CERT_REVOKED"],
      [C, undefined],
    ]);
  });

  test("and closes them, if that is the policy; the others go on", async () => {
    const { b, c, open, revoked, stale } = await connected({ onStale: "close" });
    const [ofB, ofC] = [await open(b), await open(c)];
    revoked([{ kind: "id", id: (b.current() as Identity).svid.id }]);
    if (!ofB.destroyed) await once(ofB, "close");
    await expect.poll(stale).toEqual([[C, undefined]]);
    ofC.write("still here");
    expect(String((await once(ofC, "data"))[0])).toBe("still here");
  });
});

test("a renewal, which brings authorities alone, takes no revocation back; an empty list does", async () => {
  const { ca, a, b, revoked, open } = await connected();
  revoked([{ kind: "id", id: (b.current() as Identity).svid.id }]);
  await a.renew();
  expect(a.current()?.bundles.get(ca.trustDomain)?.denied?.length).toBe(1);
  const refused = await open(b).then(
    () => "let in",
    () => "turned away",
  );
  revoked([]);
  expect({ refused, after: (await open(b)).destroyed }).toEqual({ refused: "turned away", after: false });
});

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type Ca, createCa, matchAny, peerOf, rotate, SpiffeId, tlsConnect, tlsServer } from "@weftmesh/cert";
import { afterEach, expect, test } from "vitest";

const id = (text: string): SpiffeId => SpiffeId.parse(text);
const open: Disposable[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one[Symbol.dispose]();
});

async function source(ca: Ca, name: string) {
  const made = rotate(ca.issuerFor(id(`spiffe://td.test/${name}`)));
  open.push(made);
  await made.ready();
  return made;
}

test("both ends learn who the other is", async () => {
  const ca = createCa({ trustDomain: "td.test" });
  const [a, b] = [await source(ca, "a"), await source(ca, "b")];
  const server = tlsServer(a, {}, (socket) => socket.end(`hello ${peerOf(socket)?.id}`));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = await tlsConnect(b, {
    authorize: matchAny,
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
  });
  expect(peerOf(socket)?.id).toBe("spiffe://td.test/a");
  const [data] = await once(socket, "data");
  expect(String(data)).toBe("hello spiffe://td.test/b");
  server.close();
});

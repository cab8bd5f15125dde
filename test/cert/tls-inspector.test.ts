import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { noIdentity, speaksTls, undiciConnect } from "@weftmesh/cert";
import { expect, test } from "vitest";

async function inspected(talk: (port: number) => Socket, rest = false): Promise<{ tls: boolean; first: string }> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "connection") as Promise<[Socket]>;
  const client = talk((server.address() as AddressInfo).port).on("error", () => undefined);
  const [socket] = await accepted;
  socket.on("error", () => undefined);
  const tls = await speaksTls(socket);
  let first = "";
  if (rest) for await (const chunk of socket) first += chunk;
  socket.destroy();
  client.destroy();
  server.close();
  return { tls, first };
}

// RFC 8446, 5.1: a handshake record has the type 22.
test("speaksTls tells a TLS handshake from other bytes, and takes none of them", async () => {
  expect((await inspected((port) => connectTls({ port, host: "127.0.0.1" }))).tls).toBe(true);
  const plain = await inspected((port) => connect(port, "127.0.0.1").end("GET / HTTP/1.1\r\n"), true);
  expect(plain).toEqual({ tls: false, first: "GET / HTTP/1.1\r\n" });
});

test("speaksTls answers for connections that end before they say anything", async () => {
  expect((await inspected((port) => connect(port, "127.0.0.1").end())).tls).toBe(false);
  expect(
    (
      await inspected((port) =>
        connect(port, "127.0.0.1", function (this: Socket) {
          this.resetAndDestroy();
        }),
      )
    ).tls,
  ).toBe(false);
});

test("noIdentity never has a certificate: what needs one says so", async () => {
  expect(noIdentity.current()).toBeUndefined();
  await expect(noIdentity.ready()).rejects.toMatchObject({ code: "ERR_CERT_NO_IDENTITY" });
  noIdentity.watch(() => undefined)[Symbol.dispose]();
  const connector = undiciConnect(noIdentity, { authorize: () => true });
  const error = await new Promise((resolve) =>
    connector({ hostname: "127.0.0.1", port: 1 }, (...[failed]) => resolve(failed)),
  );
  expect(error).toMatchObject({ code: "ERR_CERT_NO_IDENTITY" });
});

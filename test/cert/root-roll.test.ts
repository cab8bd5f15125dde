import { once } from "node:events";
import type { AddressInfo } from "node:net";
import {
  type Ca,
  createCa,
  type IdentitySource,
  matchAny,
  rotate,
  SpiffeId,
  tlsConnect,
  tlsServer,
} from "@weftmesh/cert";
import { caClient, caServer, sharedTokens } from "@weftmesh/cert/services";
import { describe, expect, test } from "vitest";

const id = (text: string): SpiffeId => SpiffeId.parse(text);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function echo(source: IdentitySource, port: number): Promise<string> {
  const socket = await tlsConnect(source, { authorize: matchAny, host: "127.0.0.1", port });
  socket.write("ping");
  const [data] = await once(socket, "data");
  socket.destroy();
  return String(data);
}

describe("a root roll under load, with leaves of two seconds", () => {
  test("drops no connection and fails no dial", { timeout: 30_000 }, async () => {
    const ca: Ca = createCa({ trustDomain: "td.test", defaultTtlMs: 2000 });
    const own = rotate(ca.issuerFor(id("spiffe://td.test/ca")));
    await own.ready();
    const tokens = new Map([
      ["token-of-the-server", id("spiffe://td.test/server")],
      ["token-of-the-client", id("spiffe://td.test/client")],
    ]);
    const service = await caServer({ ca, source: own, authenticators: [sharedTokens(tokens)] });
    const bootstrap = new Map([[ca.trustDomain, ca.bundle()]]);
    const failures: unknown[] = [];
    const source = (token: string) =>
      rotate(caClient({ address: service.address, bundles: bootstrap, token }), {
        onFailure: (error) => failures.push(error),
      });
    const [a, b] = [source("token-of-the-server"), source("token-of-the-client")];
    await Promise.all([a.ready(), b.ready()]);
    const server = tlsServer(a, { onRejected: (rejection) => failures.push(rejection.error) }, (socket) => {
      socket.on("error", (error) => failures.push(error));
      socket.on("data", (data) => socket.write(data));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const long = await tlsConnect(b, { authorize: matchAny, host: "127.0.0.1", port });
    let dropped = 0;
    long.on("close", () => dropped++);

    let running = true;
    let dials = 0;
    const load = (async () => {
      while (running) {
        await echo(b, port).then(
          () => dials++,
          (error) => failures.push(error),
        );
        await pause(20);
      }
    })();
    await pause(1500);
    const before = ca.issuer;
    ca.roll.prepare();
    await pause(2500);
    ca.roll.activate();
    expect(ca.issuer).not.toBe(before);
    await pause(2500);
    ca.roll.retire({ force: true });
    await pause(2500);
    running = false;
    await load;
    expect(failures).toEqual([]);
    expect(dropped).toBe(0);
    expect(dials).toBeGreaterThan(100);
    expect(a.status().renewals).toBeGreaterThan(5);
    long.write("still here");
    const [data] = await once(long, "data");
    expect(String(data)).toBe("still here");
    expect([...(b.current()?.bundles.values() ?? [])].map((bundle) => bundle.x509Authorities.length)).toEqual([1]);
    long.destroy();
    server.close();
    for (const one of [own, a, b]) one[Symbol.dispose]();
    await service.close();
  });
});

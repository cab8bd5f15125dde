/** undici issue 4839: after an outage of all hosts a BalancedPool keeps to one of them, whether or not it is back. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createCluster, lbInterceptor, systemClock } from "@weftmesh/lb";
import { Agent, BalancedPool, type Dispatcher, request } from "undici";
import { describe, expect, test } from "vitest";

const REQUESTS = 40;

/** A server that comes back at its port. */
async function host(): Promise<{ address: string; start(): Promise<void>; stop(): Promise<void> }> {
  let server: Server;
  let port = 0;
  const start = async (): Promise<void> => {
    server = createServer((_, response) => response.end("ok"));
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    port = (server.address() as AddressInfo).port;
  };
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  await start();
  return { address: `127.0.0.1:${port}`, start, stop };
}

async function lost(send: () => Promise<Dispatcher.ResponseData>, times: number): Promise<number> {
  let failures = 0;
  for (let i = 0; i < times; i++) {
    try {
      await (await send()).body.dump();
    } catch {
      failures += 1;
    }
  }
  return failures;
}

interface Client {
  send(): Promise<Dispatcher.ResponseData>;
  close(): Promise<void>;
}

/** How many requests are lost with the first and with the second of two hosts back. */
async function lostByHostThatIsBack(clientOf: (addresses: readonly string[]) => Client): Promise<number[]> {
  const results: number[] = [];
  for (const back of [0, 1]) {
    const hosts = [await host(), await host()];
    const client = clientOf(hosts.map((each) => each.address));
    expect(await lost(client.send, 4)).toBe(0);
    for (const each of hosts) await each.stop();
    expect(await lost(client.send, 100)).toBe(100);
    await hosts[back]?.start();
    results.push(await lost(client.send, REQUESTS));
    await client.close();
    await hosts[back]?.stop();
  }
  return results;
}

describe("an outage of both hosts, after which one is back", () => {
  test("BalancedPool sends everything to the one that is not, in one of the two cases", async () => {
    const results = await lostByHostThatIsBack((addresses) => {
      const pool = new BalancedPool(
        addresses.map((address) => `http://${address}`),
        { connections: 1 },
      );
      return { send: () => pool.request({ path: "/", method: "GET" }), close: () => pool.close() };
    });
    expect(Math.max(...results)).toBe(REQUESTS);
  });

  test.each([
    { name: "with outlier detection", options: { outlierDetection: { maxEjectionPercent: 100 } } },
    { name: "without", options: {} },
  ])("lbInterceptor loses nothing, $name", async ({ options }) => {
    const results = await lostByHostThatIsBack((addresses) => {
      const cluster = createCluster({ hosts: addresses, ...options }, { clock: systemClock, random: Math.random });
      const agent = new Agent({ connections: 1 });
      const dispatcher = agent.compose(lbInterceptor(cluster));
      return { send: () => request("http://shop/", { dispatcher }), close: () => agent.close() };
    });
    expect(results).toEqual([0, 0]);
  });
});

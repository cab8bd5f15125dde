/**
 * An outage of all hosts in front of undici's BalancedPool and in front of ours: undici issue 4839, "deteriorates to a
 * single point of failure after outages".
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createCluster, lbInterceptor, systemClock } from "@weftmesh/lb";
import { Agent, BalancedPool, type Dispatcher, request } from "undici";
import type { Measurement } from "../row.js";

const OUTAGE_REQUESTS = 100;
const REQUESTS = 100;

/** How requests reach two hosts. */
export type Balancing = "weftmesh" | "BalancedPool";

/** Percent of requests lost although one of the two hosts is back, the worse of the two cases. */
export function lostAfterOutage(kind: Balancing): Measurement {
  return {
    async measure() {
      const lost = await Promise.all([0, 1].map((back) => oneComesBack(kind, back)));
      return (100 * Math.max(...lost)) / REQUESTS;
    },
  };
}

/** Both hosts go, requests are made, host `back` returns; how many of the requests after that are lost. */
async function oneComesBack(kind: Balancing, back: number): Promise<number> {
  const hosts = [await Host.start(), await Host.start()];
  const { get, close } = clientOf(
    kind,
    hosts.map((host) => host.address),
  );
  for (const host of hosts) await host.stop();
  for (let i = 0; i < OUTAGE_REQUESTS; i++) await get();
  await hosts[back]?.listen();
  let lost = 0;
  for (let i = 0; i < REQUESTS; i++) if (!(await get())) lost += 1;
  await close();
  await hosts[back]?.stop();
  return lost;
}

interface Client {
  /** Whether there was an answer. */
  get(): Promise<boolean>;
  close(): Promise<void>;
}

function clientOf(kind: Balancing, addresses: readonly string[]): Client {
  if (kind === "BalancedPool") {
    const pool = new BalancedPool(
      addresses.map((address) => `http://${address}`),
      { connections: 1 },
    );
    return { get: () => answered(pool.request({ path: "/", method: "GET" })), close: () => pool.close() };
  }
  const cluster = createCluster(
    { hosts: addresses, outlierDetection: { maxEjectionPercent: 100 } },
    { clock: systemClock, random: Math.random },
  );
  const interceptor = lbInterceptor(cluster) as Dispatcher.DispatcherComposeInterceptor;
  const agent = new Agent({ connections: 1 });
  const dispatcher = agent.compose(interceptor);
  return {
    get: () => answered(request("http://shop/", { dispatcher })),
    async close() {
      await agent.close();
      cluster[Symbol.dispose]();
    },
  };
}

async function answered(response: Promise<Dispatcher.ResponseData>): Promise<boolean> {
  try {
    await (await response).body.dump();
    return true;
  } catch {
    return false;
  }
}

/** A server that comes back at its port. */
class Host {
  private server: Server | undefined;
  private port = 0;

  static async start(): Promise<Host> {
    const host = new Host();
    await host.listen();
    return host;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  async listen(): Promise<void> {
    const server = createServer((_, response) => response.end("ok"));
    await new Promise<void>((resolve) => server.listen(this.port, "127.0.0.1", resolve));
    this.port = (server.address() as AddressInfo).port;
    this.server = server;
  }

  async stop(): Promise<void> {
    const { server } = this;
    server?.closeAllConnections();
    await new Promise((resolve) => server?.close(resolve));
  }
}

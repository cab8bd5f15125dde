/** How long a change takes to reach a thousand delta clients, from our server and from go-control-plane's. Not a check. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createServer, createSnapshotCache } from "@weftmesh/xds";
import { ClusterLoadAssignment } from "@weftmesh/xds-types/envoy/config/endpoint/v3";
import { LineProgram } from "./go-control-plane.js";

const CLIENTS = 1000;
const ROUNDS = 5;

/** Endpoints of the assignment that changes. */
const SIZES = [5, 1000] as const;

interface Publisher {
  readonly port: number | string;
  /** Publishes an assignment in which the port is new. */
  publish(endpoints: number, port: number): unknown;
  close(): unknown;
}

/** Measures both servers in turn, round by round, with the same clients, and prints the medians and their ratio. */
export async function measureFanOut(binary: string, log: (line: string) => void): Promise<void> {
  for (const endpoints of SIZES) {
    const ours = await started(await ourPublisher(endpoints));
    const theirs = await started(await goPublisher(binary, endpoints));
    try {
      const spent: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] };
      for (let round = 1; round <= ROUNDS; round++) {
        spent.ours.push(await ours.change(endpoints, 1000 + round));
        spent.theirs.push(await theirs.change(endpoints, 1000 + round));
      }
      const [a, b] = [median(spent.ours), median(spent.theirs)];
      const figures = `${a.toFixed(0)} ms, go-control-plane ${b.toFixed(0)} ms, ratio ${(a / b).toFixed(2)}`;
      log(`fan-out of ${endpoints} endpoints to ${CLIENTS} delta clients, last one, median of ${ROUNDS}: ${figures}`);
    } finally {
      ours.close();
      theirs.close();
    }
  }
}

async function started(publisher: Publisher) {
  const file = fileURLToPath(new URL("./fan-clients.js", import.meta.url));
  const clients = fork(file, [String(publisher.port), String(CLIENTS)]);
  const all = (): Promise<unknown> => once(clients, "message", { signal: AbortSignal.timeout(60_000) });
  await all();
  return {
    async change(endpoints: number, port: number): Promise<number> {
      await sleep(20);
      const before = performance.now();
      const done = all();
      publisher.publish(endpoints, port);
      await done;
      return performance.now() - before;
    },
    close() {
      clients.disconnect();
      publisher.close();
    },
  };
}

async function ourPublisher(endpoints: number): Promise<Publisher> {
  const cache = createSnapshotCache();
  const server = createServer({ cache });
  const publish = (count: number, port: number): unknown => cache.set("fan", [assignment(count, port)]);
  publish(endpoints, 1000);
  return { port: await server.listen("127.0.0.1:0"), publish, close: () => server.close() };
}

async function goPublisher(binary: string, endpoints: number): Promise<Publisher> {
  const program = new LineProgram(binary, ["fan"]);
  const port = await program.line();
  const publish = (count: number, changed: number): Promise<string> => program.tell(`${count} ${changed}`);
  await publish(endpoints, 1000);
  return { port, publish, close: () => program.end() };
}

function assignment(count: number, portValue: number) {
  const lbEndpoints = Array.from({ length: count }, (_, host) => ({
    endpoint: { address: { socketAddress: { address: `10.0.${host >> 8}.${host & 255}`, portValue } } },
  }));
  const message: ClusterLoadAssignment = { clusterName: "e0", endpoints: [{ lbEndpoints }] };
  return { typeUrl: ClusterLoadAssignment.typeUrl, name: "e0", message };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

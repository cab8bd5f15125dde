/** Upstream, proxy and load as three processes; the proxy has a core of its own where there are two. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import type { MeasurementVariant } from "../row.js";
import type { LoadRequest, LoadResult } from "./load.js";

/** What a round is about. */
export type Figure = "requests per second" | "CPU per request";

/** How a proxy is started; it gets the upstream's port as its first argument and reports its own by IPC. */
export interface ProxyProgram {
  readonly name: string;
  /** The file below `bench/proxy`, without its ending. */
  readonly program: string;
}

const CONNECTIONS = 64;
const ROUND_MS = 1_000;
const WARM_UP_MS = 2_000;

/** A variant that puts load on a proxy and returns the figure. */
export function proxied({ name, program }: ProxyProgram, figure: Figure): MeasurementVariant {
  return {
    name,
    async prepare() {
      const upstream = start("upstream", [], 1);
      const upstreamPort = await portOf(upstream);
      const proxy = start(program, [String(upstreamPort)], 0);
      const port = await portOf(proxy);
      const load = start("load", [], 1);
      await once(load, "message");
      const round = async (durationMs: number): Promise<LoadResult> => {
        const request: LoadRequest = { port, host: "reviews", connections: CONNECTIONS, durationMs };
        load.send(request);
        const [result] = (await once(load, "message")) as [LoadResult];
        if (result.errors > 0) throw new Error(`${name}: ${result.errors} of ${result.requests} requests failed`);
        return result;
      };
      await round(WARM_UP_MS);
      return {
        async measure() {
          const before = cpuMicros(proxy);
          const { requests, seconds } = await round(ROUND_MS);
          return figure === "CPU per request" ? (cpuMicros(proxy) - before) / requests : requests / seconds;
        },
        close() {
          for (const child of [load, proxy, upstream]) child.disconnect();
        },
      };
    },
  };
}

function start(program: string, args: readonly string[], core: number): ChildProcess {
  const file = fileURLToPath(new URL(`./${program}.js`, import.meta.url));
  const node = [process.execPath, file, ...args];
  const [command = "", ...rest] = cpus().length > 1 ? ["taskset", "--cpu-list", String(core), ...node] : node;
  return spawn(command, rest, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
}

async function portOf(child: ChildProcess): Promise<number> {
  const [address] = (await once(child, "message", { signal: AbortSignal.timeout(30_000) })) as [{ port: number }];
  return address.port;
}

/** User and system time of a process, from the kernel's counters of 10 ms. */
function cpuMicros(child: ChildProcess): number {
  const stat = readFileSync(`/proc/${child.pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

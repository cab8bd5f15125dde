/** Our client behind go-control-plane's server: random changes, equal final states. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { type ConfigSet, createClient } from "@weftmesh/xds";
import type { Checks } from "./check.js";

/** What the server is told to have; the names of the Go program's `State`. */
interface State {
  readonly version: string;
  readonly clusters: Readonly<Record<string, number>>;
  readonly endpoints: Readonly<Record<string, number>>;
  readonly listeners: Readonly<Record<string, string>>;
  readonly routes: Readonly<Record<string, string>>;
}

/** A program that answers each line with one line. */
export class LineProgram {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.#child = spawn(command, [...args], { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, ...env } });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** The next line it prints. */
  async line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error("the program ended");
    return value;
  }

  /** Tells it something and returns what it answers. */
  tell(line: string): Promise<string> {
    this.#child.stdin.write(`${line}\n`);
    return this.line();
  }

  /** Ends it. */
  end(): void {
    this.#child.kill("SIGKILL");
  }
}

/** Statements about our client of that server, in both variants. */
export async function checkGoControlPlane(
  checks: Checks,
  binary: string,
  changes: number,
  seed: number,
): Promise<void> {
  for (const variant of ["sotw", "delta"] as const) {
    const name = `go-control-plane, ${variant}`;
    await checks.part(name, () => follow(checks, name, binary, variant, changes, seed));
  }
}

async function follow(
  checks: Checks,
  name: string,
  binary: string,
  variant: "sotw" | "delta",
  changes: number,
  seed: number,
): Promise<void> {
  const server = new LineProgram(binary, ["server"]);
  const port = await server.line();
  const refusals: unknown[] = [];
  const client = createClient({
    bootstrap: { servers: [{ uri: `127.0.0.1:${port}`, variant }], node: { id: "peer" } },
    onEvent: (event) => {
      if (event.kind === "nack") refusals.push(event.nack);
    },
  });
  try {
    let last: ConfigSet | undefined;
    const following = (async () => {
      for await (const set of client.config()) last = set;
    })();
    const random = generator(seed);
    let state = randomState(random, 0);
    for (let change = 0; change <= changes; change++) {
      state = randomState(random, change);
      const answer = await server.tell(JSON.stringify(state));
      if (answer !== "ok") checks.hold(`${name}: takes snapshot ${change}`, false, answer);
      // Now and then the client gets the time to see a state of its own.
      if (change % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const wanted = JSON.stringify(summaryOfState(state));
    await checks.until(`${name}: ends in the server's state after ${changes} changes`, () => {
      return last !== undefined && JSON.stringify(summaryOfSet(last)) === wanted;
    });
    checks.hold(`${name}: refuses nothing`, refusals.length === 0, refusals[0] ?? "");
    await client.close();
    await following;
  } finally {
    await client.close();
    server.end();
  }
}

/** Five clusters at most, each with endpoints; listeners and routes that lead to some of them. */
function randomState(random: () => number, version: number): State {
  const pick = (count: number): number => Math.floor(random() * count);
  const clusters: Record<string, number> = {};
  const endpoints: Record<string, number> = {};
  for (let index = 0; index < 5; index++) {
    if (index > 0 && random() < 0.4) continue;
    clusters[`c${index}`] = 1 + pick(3);
    endpoints[`c${index}`] = 1000 + pick(50);
  }
  const names = Object.keys(clusters);
  const listeners: Record<string, string> = {};
  const routes: Record<string, string> = {};
  for (let index = 0; index < 3; index++) {
    if (random() < 0.3) continue;
    listeners[`l${index}`] = `r${index}`;
    routes[`r${index}`] = names[pick(names.length)] ?? "c0";
  }
  return { version: String(version), clusters, endpoints, listeners, routes };
}

function summaryOfState({ clusters, endpoints, listeners, routes }: State): unknown {
  return {
    clusters: Object.keys(clusters)
      .sort()
      .map((name) => [name, clusters[name], endpoints[name]]),
    listeners: Object.keys(listeners)
      .sort()
      .map((name) => [name, listeners[name], routes[listeners[name] ?? ""]]),
  };
}

function summaryOfSet({ clusters, listeners }: ConfigSet): unknown {
  return {
    clusters: [...clusters.values()]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ name, cluster, endpoints }) => {
        const address = endpoints?.endpoints?.[0]?.lbEndpoints?.[0]?.endpoint?.address?.socketAddress;
        return [name, Number(cluster.connectTimeout?.seconds), address?.portValue];
      }),
    listeners: [...listeners.values()]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ name, routes }) => {
        const [route, config] = [...routes][0] ?? [];
        return [name, route, config?.virtualHosts?.[0]?.routes?.[0]?.route?.cluster];
      }),
  };
}

/** mulberry32: the same seed gives the same changes. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

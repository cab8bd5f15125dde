/** A real Envoy for one test: its own configuration, its own ports, gone when the scope ends. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type RunningProgram, startProgram } from "./peer.js";
import { findEnvoy } from "./requirement.js";

/** A bootstrap without `admin`, as plain ProtoJSON; listeners may ask for port 0. */
export type BootstrapJson = Readonly<Record<string, unknown>>;

/** An Envoy that is ready to serve. */
export interface RunningEnvoy extends AsyncDisposable {
  readonly adminPort: number;
  /** What it has logged so far. */
  output(): string;
  /** The body of `GET path` on the admin interface, such as `/config_dump` or `/clusters?format=json`. */
  admin(path: string): Promise<string>;
  /** The port a listener was given, by the listener's name. */
  listenerPort(name: string): Promise<number>;
}

const READY_TIMEOUT_MS = 30_000;

/**
 * Starts Envoy and waits until it is live.
 *
 * @throws Error with Envoy's log if it refuses the configuration or is not ready in time.
 */
export async function startEnvoy(bootstrap: BootstrapJson, args: readonly string[] = []): Promise<RunningEnvoy> {
  const envoy = findEnvoy();
  if (envoy === undefined) throw new Error("no Envoy: name `envoy` among the peer's requirements");
  const dir = mkdtempSync(join(tmpdir(), "weftmesh-envoy-"));
  const config = join(dir, "bootstrap.json");
  const address = join(dir, "admin");
  const admin = { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } };
  writeFileSync(config, JSON.stringify({ ...bootstrap, admin }));
  const own = ["--config-path", config, "--admin-address-path", address, "--use-dynamic-base-id"];
  const program = startProgram(envoy, [...own, "--concurrency", "1", "--log-level", "warning", ...args]);
  const dispose = async (): Promise<void> => {
    await program[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    const adminPort = await ready(program, address);
    const get = async (path: string): Promise<string> => (await fetch(`http://127.0.0.1:${adminPort}${path}`)).text();
    return {
      adminPort,
      output: program.output,
      admin: get,
      async listenerPort(name) {
        const list = JSON.parse(await get("/listeners?format=json")) as ListenerList;
        const port = list.listener_statuses.find((each) => each.name === name)?.local_address.socket_address.port_value;
        if (port === undefined) throw new Error(`Envoy has no listener ${name}`);
        return port;
      },
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Asks Envoy whether it accepts a bootstrap; the reason if not. */
export async function envoyRefuses(bootstrap: BootstrapJson): Promise<string | undefined> {
  const dir = mkdtempSync(join(tmpdir(), "weftmesh-envoy-"));
  const config = join(dir, "bootstrap.json");
  writeFileSync(config, JSON.stringify(bootstrap));
  const args = ["--mode", "validate", "--config-path", config, "--log-level", "error"];
  const program = startProgram(findEnvoy() ?? "envoy", args);
  const status = await program.exited;
  rmSync(dir, { recursive: true, force: true });
  return status === 0 ? undefined : program.output().trim();
}

interface ListenerList {
  readonly listener_statuses: readonly {
    readonly name: string;
    readonly local_address: { readonly socket_address: { readonly port_value: number } };
  }[];
}

async function ready(program: RunningProgram, addressFile: string): Promise<number> {
  const exited = program.exited.then((status) => {
    throw new Error(`Envoy ended with ${status}:\n${program.output()}`);
  });
  exited.catch(() => undefined);
  const deadline = performance.now() + READY_TIMEOUT_MS;
  while (performance.now() < deadline) {
    const port = Number(readIfThere(addressFile).split(":").at(-1));
    if (port > 0) {
      const answer = await fetch(`http://127.0.0.1:${port}/ready`).catch(() => undefined);
      if (answer?.ok === true) return port;
    }
    await Promise.race([sleep(25), exited]);
  }
  throw new Error(`Envoy was not ready within ${READY_TIMEOUT_MS} ms:\n${program.output()}`);
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

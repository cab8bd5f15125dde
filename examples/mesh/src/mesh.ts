import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { call } from "./admin.js";
import type { AuthorityStatus } from "./certificate-authority.js";
import { readConfig } from "./config.js";
import type { ControlStatus } from "./control-plane.js";
import { CONTROL, identityOf, PODS, type Pod, pod, port, portsNeeded, VISITOR } from "./layout.js";
import type { Fault } from "./services/shop-server.js";
import type { SidecarStats } from "./sidecar-stats.js";
import { type Crash, type Program, Supervisor } from "./supervisor.js";

/** The folder of this example, from the sources as from the build. */
const HERE = fileURLToPath(new URL("..", import.meta.url));

/** The folder of the YAML that is served if no other is named. */
export const CONFIG_FOLDER: string = join(HERE, "config");

/** The program of the sidecar. */
export const SIDECAR_PROGRAM: string = join(HERE, "../sidecar/dist/main.js");

/** How a mesh is started. */
export interface MeshOptions {
  /** The folder of YAML to serve. Default: `config` beside this example. */
  readonly configFolder?: string;
  /** Called when a process ends although nobody asked it to. */
  readonly onCrash?: (crash: Crash) => void;
}

/** The shop, running: its processes, and what can be asked of them. */
export class Mesh implements AsyncDisposable {
  /** Where tokens, roots and sockets lie while the mesh runs. */
  readonly folder: string;
  readonly supervisor: Supervisor;
  readonly #programs: ReadonlyMap<string, Program>;

  /**
   * Reads the configuration and lays out the programs; nothing runs yet.
   *
   * @throws ConfigError if the YAML is not in order.
   */
  constructor({ configFolder = CONFIG_FOLDER, onCrash = () => {} }: MeshOptions = {}) {
    readConfig(configFolder);
    this.folder = mkdtempSync(join(tmpdir(), "weftmesh-"));
    // The visitor of the capture step has another user, and looks for its own folder in here.
    chmodSync(this.folder, 0o711);
    writeTokens(this.folder);
    this.supervisor = new Supervisor(onCrash);
    this.#programs = new Map(programs(this.folder, configFolder).map((program) => [program.name, program]));
  }

  /**
   * Starts every process and waits until all are ready.
   *
   * @throws Error in one line if a port is taken or a process does not start.
   */
  async start(): Promise<void> {
    await checkPorts();
    await Promise.all([this.run("certificate authority"), this.run("control plane")]);
    await Promise.all(
      PODS.flatMap(({ name, app }) => [this.run(`sidecar of ${name}`), ...(app ? [this.run(name)] : [])]),
    );
  }

  /** Starts one of the programs, for the first time or again. */
  async run(name: string): Promise<void> {
    const program = this.#programs.get(name);
    if (program === undefined) throw new TypeError(`no program is called ${name}`);
    await this.supervisor.start(program);
  }

  /** Ends one of the programs as a crash would. */
  async kill(name: string): Promise<void> {
    await this.supervisor.children.get(name)?.kill();
  }

  /** Pushes what a step of the story changes, or takes it back; waits until every sidecar has answered. */
  async push(step?: string): Promise<ControlStatus> {
    await call(CONTROL.xdsAdmin, "/push", step === undefined ? {} : { step });
    const status = await until(
      () => this.control(),
      ({ clients }) => clients.every(({ settled }) => settled),
      "the sidecars did not answer a push",
    );
    // An answer to the control plane comes just before the change is at work; whoever answers us now has put it there.
    await this.sidecars();
    return status;
  }

  /** What the control plane knows. */
  control(): Promise<ControlStatus> {
    return call(CONTROL.xdsAdmin, "/");
  }

  /** What the certificate authority knows. */
  authority(): Promise<AuthorityStatus> {
    return call(CONTROL.caAdmin, "/");
  }

  /** Asks the certificate authority to do something: `/roll/prepare`, `/leaf-seconds`. */
  tellAuthority(path: string, input: unknown = {}): Promise<unknown> {
    return call(CONTROL.caAdmin, path, input);
  }

  /** What a sidecar knows. */
  sidecar(name: string): Promise<SidecarStats> {
    return call(port(pod(name), "admin"), "/stats");
  }

  /** What all sidecars know. */
  sidecars(): Promise<readonly SidecarStats[]> {
    return Promise.all(PODS.map(({ name }) => this.sidecar(name)));
  }

  /** Makes every sidecar ask for a new certificate now. */
  async renew(): Promise<void> {
    await Promise.all(PODS.map((each) => call(port(each, "admin"), "/renew", {})));
  }

  /** Breaks an application, or heals it. */
  async fault(name: string, fault: Partial<Fault> = {}): Promise<void> {
    await call(port(pod(name), "app"), "/_fault", fault);
  }

  /** How many requests an application got, and how many of them were marked as copies. */
  count(name: string): Promise<{ readonly requests: number; readonly shadows: number }> {
    return call(port(pod(name), "app"), "/_count");
  }

  /** Ends all processes and removes what they left on the disk. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.supervisor[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Asks again until the answer is good. @throws Error with `problem` after `timeoutMs`. */
export async function until<T>(
  ask: () => Promise<T>,
  good: (answer: T) => boolean,
  problem: string,
  timeoutMs = 10_000,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (good(answer)) return answer;
    if (Date.now() > end) throw new Error(`${problem} within ${timeoutMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The arguments that make a sidecar that of a pod. */
export function sidecarArguments(each: Pod, folder: string, admin: string, host = "127.0.0.1"): readonly string[] {
  return [
    ...["--node", each.name, "--id", identityOf(each)],
    ...["--xds", `${host}:${CONTROL.xds}`, "--ca", `${host}:${CONTROL.ca}`],
    ...["--ca-root", join(folder, "roots.pem"), "--token-file", join(folder, each.name, "token")],
    // With leaves of ten seconds this renews every two, and leaves eight for an authority that is slow.
    ...["--renew-at", "0.2", "--admin", admin, "--until-stdin-ends"],
  ];
}

function programs(folder: string, configFolder: string): readonly Program[] {
  const node = (name: string, file: string, ...args: readonly string[]): Program => ({
    name,
    command: [process.execPath, join(HERE, file), ...args],
  });
  const pods = PODS.flatMap((each) => [
    node(
      `sidecar of ${each.name}`,
      "../sidecar/dist/main.js",
      ...sidecarArguments(each, folder, `127.0.0.1:${port(each, "admin")}`),
    ),
    ...(each.app ? [node(each.name, "dist/service.js", ...applicationArguments(each, each.app))] : []),
  ]);
  return [
    node("control plane", "dist/control-plane.js", "--config", configFolder),
    node(
      "certificate authority",
      "dist/certificate-authority.js",
      ...["--tokens", join(folder, "tokens.json"), "--state", join(folder, "authority")],
      ...["--roots", join(folder, "roots.pem")],
    ),
    ...pods,
  ];
}

function applicationArguments(each: Pod, app: string): readonly string[] {
  return [
    ...["--app", app, "--version", each.version ?? "v1", "--port", String(port(each, "app"))],
    ...["--outbound-port", String(port(each, "outbound"))],
    ...(app === "catalog" ? ["--tcp-port", String(port(each, "appTcp"))] : []),
  ];
}

/** A secret for each workload: what a Kubernetes service account token is to Istio. */
function writeTokens(folder: string): void {
  const tokens: Record<string, string> = {};
  for (const each of [...PODS, VISITOR]) {
    const token = randomBytes(24).toString("base64url");
    tokens[token] = identityOf(each);
    mkdirSync(join(folder, each.name), { mode: 0o700 });
    writeFileSync(join(folder, each.name, "token"), token, { mode: 0o600 });
  }
  writeFileSync(join(folder, "tokens.json"), JSON.stringify(tokens), { mode: 0o600 });
}

/** @throws Error in one line if a port is taken. */
async function checkPorts(): Promise<void> {
  for (const [number, purpose] of portsNeeded()) {
    await new Promise<void>((resolve, reject) => {
      const probe = createServer();
      probe.once("error", ({ code }: NodeJS.ErrnoException) => {
        reject(new Error(`port ${number}, wanted for ${purpose}, cannot be bound (${code}): does another mesh run?`));
      });
      probe.listen(number, "127.0.0.1", () => probe.close(() => resolve()));
    });
  }
}

import { spawnSync } from "node:child_process";
import { connect, createServer, type Server } from "node:net";

/** The host's end of the wire, and the namespace's. */
export const HOST_ADDRESS = "10.77.0.1";
const OWN_ADDRESS = "10.77.0.2";

/** A network namespace with one wire to this machine. */
export class Namespace implements AsyncDisposable {
  readonly name: string;
  readonly #relays: readonly Server[];

  private constructor(name: string, relays: readonly Server[]) {
    this.name = name;
    this.#relays = relays;
  }

  /**
   * Makes one. On the host's end of the wire the ports of loopback programs are relayed, as a router would.
   *
   * @throws Error with what the command said.
   */
  static async create(ports: readonly number[]): Promise<Namespace> {
    const name = `weft-${process.pid}`;
    const wire = `weft${process.pid}`;
    run("ip", "netns", "add", name);
    try {
      run("ip", "link", "add", wire, "type", "veth", "peer", "name", "eth0", "netns", name);
      // No link-local addresses: they come and go by themselves, and would spoil the comparison afterwards.
      run("ip", "link", "set", wire, "addrgenmode", "none");
      run("ip", "-n", name, "link", "set", "eth0", "addrgenmode", "none");
      run("ip", "address", "add", `${HOST_ADDRESS}/24`, "dev", wire);
      run("ip", "-n", name, "address", "add", `${OWN_ADDRESS}/24`, "dev", "eth0");
      run("ip", "link", "set", wire, "up");
      for (const link of ["lo", "eth0"]) run("ip", "-n", name, "link", "set", link, "up");
      run("ip", "-n", name, "route", "add", "default", "via", HOST_ADDRESS);
      return new Namespace(name, await Promise.all(ports.map(relay)));
    } catch (error) {
      spawnSync("ip", ["netns", "del", name]);
      throw error;
    }
  }

  /** The command that runs another one in here, as a user of its own. */
  as(uid: number, ...command: readonly string[]): readonly [string, ...string[]] {
    const user = ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", "--"];
    return ["ip", "netns", "exec", this.name, ...user, ...command];
  }

  /** Runs a command in here as root, and returns what it printed. */
  run(...command: readonly string[]): string {
    return run("ip", "netns", "exec", this.name, ...command);
  }

  /** Rules, routes and addresses, one a line; counters and empty tables left out. */
  state(): readonly string[] {
    const rules = ["iptables-save", "ip6tables-save"].flatMap((command) =>
      this.run(command)
        .split("\n")
        .filter((line) => line.startsWith("-") || / - \[/.test(line))
        .map((line) => `${command}: ${line.replace(/\[\d+:\d+\]/, "").trim()}`),
    );
    const kernel = [
      ["-4", "route", "show", "table", "all"],
      ["-6", "route", "show", "table", "all"],
      ["rule"],
      ["-6", "rule"],
      ["address"],
    ];
    const rest = kernel.flatMap((words) =>
      this.run("ip", ...words)
        .split("\n")
        .map((line) => `ip ${words.join(" ")}: ${line.trim()}`),
    );
    return [...rules, ...rest];
  }

  /** Removes it, with the wire and everything in it. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#relays) server.close();
    spawnSync("ip", ["netns", "del", this.name]);
  }
}

/** Why a namespace cannot be made here; nothing if it can. */
export function obstacle(): string | undefined {
  if (process.getuid?.() !== 0) return "not root: network namespaces and iptables need it";
  for (const [command, hint] of [
    ["ip", "iproute2"],
    ["iptables-save", "iptables"],
    ["setpriv", "util-linux"],
  ] as const) {
    if (spawnSync(command, ["--version"]).error) return `${command} is not installed (apt-get install -y ${hint})`;
  }
  const probe = `weft-probe-${process.pid}`;
  const made = spawnSync("ip", ["netns", "add", probe], { encoding: "utf8" });
  if (made.status !== 0) return `no network namespace can be made here: ${made.stderr.trim()}`;
  const rules = spawnSync("ip", ["netns", "exec", probe, "iptables", "-t", "nat", "-S"], { encoding: "utf8" });
  spawnSync("ip", ["netns", "del", probe]);
  return rules.status === 0 ? undefined : `iptables does not work here: ${rules.stderr.trim().split("\n")[0]}`;
}

function run(command: string, ...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8" });
  if (status === 0) return stdout;
  const said = error?.message ?? (stderr.trim() === "" ? stdout : stderr).trim().split("\n").at(-1);
  throw new Error(`${command} ${args.join(" ")}: ${said}`);
}

function relay(port: number): Promise<Server> {
  const server = createServer((socket) => {
    const other = connect(port, "127.0.0.1");
    socket.pipe(other).pipe(socket);
    const end = (): void => {
      socket.destroy();
      other.destroy();
    };
    socket.on("error", end).on("close", end);
    other.on("error", end).on("close", end);
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject).listen(port, HOST_ADDRESS, () => resolve(server));
  });
}

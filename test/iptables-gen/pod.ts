import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Packet, Surroundings, Verdict } from "@weftmesh/iptables-gen";
import { ip, makeNamespace, type Namespace } from "./namespace.js";

/** Where a connection comes from. Sockets belong to whoever opened them, so each has a process of its own. */
export interface Sender {
  /** Namespace it lives in. */
  readonly at: "pod" | "peer" | "vm";
  /** User, group and supplementary groups. */
  readonly ids: readonly [uid: number, gid: number, ...groups: number[]];
}

/** Who connects. Supplementary groups do not count for rules: `member` is an application like any other. */
export const SENDERS = {
  application: { at: "pod", ids: [1000, 1000] },
  member: { at: "pod", ids: [1000, 1000, 1337] },
  proxy: { at: "pod", ids: [1337, 1337] },
  "proxy's group": { at: "pod", ids: [1000, 1337] },
  "other group": { at: "pod", ids: [1001, 2000] },
  root: { at: "pod", ids: [0, 0] },
  peer: { at: "peer", ids: [0, 0] },
  vm: { at: "vm", ids: [0, 0] },
} as const satisfies Readonly<Record<string, Sender>>;

/** Name of a sender. */
export type SenderName = keyof typeof SENDERS;

/** The pod's interfaces: the network, and a virtual machine behind it. */
export const POD: Surroundings = {
  interfaces: [
    { name: "eth0", addresses: ["10.77.0.1/24", "fd77::1/64"] },
    { name: "vnet0", addresses: ["10.78.0.1/24", "fd78::1/64"] },
  ],
};

/** Ports somebody listens on, in the pod and at its peer. */
export const PORTS: readonly number[] = [53, 80, 8080, 15008, 15021];
const PROXY_PORTS: readonly number[] = [15001, 15053];
/** The proxy's inbound port, where the listener is transparent so that TPROXY can hand connections to it. */
const INBOUND_PORT = 15006;

/** One connection: protocol, destination, port, and the address it is sent from if it matters. */
export type Target = readonly [protocol: "tcp" | "udp", host: string, port: number, source?: string];

/** Milliseconds a connection may take that should be answered, however busy the machine is; and one that should not. */
const PATIENCE = { answered: 20_000, lost: 300 } as const;

/** What answered: where, the port listened on, and the address and port it believes to be. Empty: nobody. */
export type Answer = readonly [place: string, port: number, local: string] | readonly [];

const LISTENER = `
const [place, tcp, transparent, udp, koffiPath] = JSON.parse(process.argv[1]);
const { createServer } = require("node:net");
const { createSocket } = require("node:dgram");
const plain = (address) => address.replace(/^::ffff:/, "");
const jobs = [...tcp, ...transparent].map((port) => new Promise((done) => {
  const server = createServer((c) => {
    c.on("error", () => {});
    c.end(JSON.stringify([place, port, plain(c.localAddress ?? "") + " " + c.localPort]));
  });
  server.listen({ port, host: "::" }, () => {
    if (transparent.includes(port)) {
      const call = require(koffiPath).load(null).func("int setsockopt(int, int, int, int *, uint32_t)");
      if (call(server._handle.fd, 41, 75, [1], 4) !== 0) throw new Error("IPV6_TRANSPARENT is refused");
    }
    done();
  });
}));
for (const [address, port] of udp) jobs.push(new Promise((done) => {
  const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
  socket.on("message", (_, from) => socket.send(JSON.stringify([place, port, ""]), from.port, from.address));
  socket.bind({ port, address }, done);
}));
Promise.all(jobs).then(() => console.log("ready"));`;

const CLIENT = `
const { connect } = require("node:net");
const { createSocket } = require("node:dgram");
const { createInterface } = require("node:readline");
const tcp = (timeout, host, port, localAddress) => new Promise((resolve) => {
  let text = "";
  const c = connect({ host, port, localAddress, timeout });
  c.on("data", (d) => (text += d)).on("close", () => resolve(text === "" ? [] : JSON.parse(text)))
    .on("timeout", () => c.destroy()).on("error", () => {});
});
const udp = (timeout, host, port) => new Promise((resolve) => {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  const end = (answer) => { clearTimeout(timer); socket.close(); resolve(answer); };
  const timer = setTimeout(end, timeout, []);
  socket.on("error", () => end([])).on("message", (text) => end(JSON.parse(text)));
  socket.send("?", port, host);
});
console.log("ready");
createInterface(process.stdin).on("line", async (line) => {
  const all = JSON.parse(line).map(([timeout, protocol, ...target]) => (protocol === "tcp" ? tcp : udp)(timeout, ...target));
  console.log(JSON.stringify(await Promise.all(all)));
});`;

/** A pod with a peer on its network and a virtual machine behind it, and processes that connect from all three. */
export interface Pod extends Disposable {
  /** The pod's namespace. */
  readonly namespace: Namespace;
  /** A node that every user may run. */
  readonly node: string;
  /** Connects to all targets at once; those that are expected to get no answer are given up soon. */
  connect(sender: SenderName, targets: readonly Target[], lost: (i: number) => boolean): Promise<readonly Answer[]>;
  /** Starts a program in one of the namespaces and waits until it has printed a line. */
  start(sender: Sender, code: string, argument: unknown): Promise<Process>;
}

/** A process that answers lines with lines. */
export interface Process {
  /** Sends a line; resolves with the next one the process prints. */
  ask(line: string): Promise<string>;
}

/** Makes the pod. */
export async function makePod(): Promise<Pod> {
  const namespace = makeNamespace();
  const names = { pod: namespace.name, peer: `${namespace.name}-p`, vm: `${namespace.name}-v` };
  addMachine(names);
  // The interpreter may be installed where other users cannot read it.
  const dir = mkdtempSync(join(tmpdir(), "weft-node-"));
  const node = join(dir, "node");
  chmodSync(dir, 0o755);
  copyFileSync(process.execPath, node);
  const children: ChildProcess[] = [];

  const start: Pod["start"] = async ({ at, ids: [uid, gid, ...groups] }, code, argument) => {
    const supplementary = groups.length === 0 ? ["--clear-groups"] : ["--groups", groups.join(",")];
    const drop = ["setpriv", "--reuid", String(uid), "--regid", String(gid), ...supplementary];
    const inside = [`--net=/run/netns/${names[at]}`, "--", ...drop, node, "-e", code, JSON.stringify(argument)];
    // pnpm names its own folder there, and a program would find what is not installed beside it.
    const env = { ...process.env, NODE_PATH: "" };
    const child = spawn("nsenter", inside, { stdio: ["pipe", "pipe", "inherit"], env });
    children.push(child);
    const lines = linesOf(child);
    await lines();
    return {
      ask(line) {
        child.stdin.write(`${line}\n`);
        return lines();
      },
    };
  };

  const clients = new Map<string, Process>();
  const senders = Object.entries(SENDERS);
  await Promise.all(senders.map(async ([name, sender]) => clients.set(name, await start(sender, CLIENT, 0))));
  return {
    namespace,
    node,
    start,
    async connect(sender, targets, lost) {
      const timed = targets.map((target, i) => [lost(i) ? PATIENCE.lost : PATIENCE.answered, ...target]);
      return JSON.parse((await clients.get(sender)?.ask(JSON.stringify(timed))) ?? "[]") as readonly Answer[];
    },
    [Symbol.dispose]() {
      for (const child of children) child.kill();
      ip("netns", "del", names.vm);
      namespace[Symbol.dispose]();
      rmSync(dir, { recursive: true });
    },
  };
}

/** Starts what listens on every port of the pod and of its peer. */
export async function startListeners({ start }: Pod): Promise<void> {
  const at = (place: string, ports: readonly number[], transparent: readonly number[], udp: readonly string[]) =>
    [place, ports, transparent, udp.map((one) => one.split(" ")), koffiPath] as const;
  const own = ["127.0.0.1", "::1", "10.77.0.1", "fd77::1"].map((address) => `${address} 53`);
  // Whoever answers captured queries must be the proxy: rules tell its replies by the user.
  const agent = ["127.0.0.1 15053", "::1 15053"];
  await Promise.all([
    start(SENDERS.root, LISTENER, at("pod", [...PORTS, ...PROXY_PORTS], [INBOUND_PORT], own)),
    start(SENDERS.proxy, LISTENER, at("pod", [], [], agent)),
    start(SENDERS.peer, LISTENER, at("peer", PORTS, [], ["10.77.0.2 53", "fd77::2 53"])),
  ]);
}

const { resolve } = createRequire(new URL("../../packages/iptables-gen/package.json", import.meta.url));
/** The package's optional dependency, which the tests' own manifest does not have. */
const koffiPath = resolve("koffi");

function addMachine({ pod, peer, vm }: { readonly pod: string; readonly peer: string; readonly vm: string }): void {
  ip("netns", "add", vm);
  ip("link", "add", "vnet0", "netns", pod, "type", "veth", "peer", "name", "v0", "netns", vm);
  for (const [namespace, device, last] of [
    [pod, "vnet0", "1"],
    [vm, "v0", "2"],
  ] as const) {
    ip("-n", namespace, "link", "set", device, "addrgenmode", "none");
    ip("-n", namespace, "link", "set", device, "up");
    ip("-n", namespace, "addr", "add", `10.78.0.${last}/24`, "dev", device);
    ip("-n", namespace, "-6", "addr", "add", `fd78::${last}/64`, "dev", device, "nodad");
  }
  ip("-n", vm, "link", "set", "lo", "up");
  for (const [namespace, prefix, via] of [
    [vm, "0.0.0.0/0", "10.78.0.1"],
    [vm, "::/0", "fd78::1"],
    [peer, "10.78.0.0/24", "10.77.0.1"],
    [peer, "fd78::/64", "fd77::1"],
  ] as const) {
    ip("-n", namespace, "route", "add", prefix, "via", via);
  }
  const forward = "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding";
  ip("netns", "exec", pod, "sh", "-c", forward);
}

/** The next line a process prints, each time it is called; one call at a time. */
function linesOf(child: ChildProcess): () => Promise<string> {
  let text = "";
  let wake = (): void => {};
  child.stdout?.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    wake();
  });
  return async () => {
    while (!text.includes("\n")) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    const at = text.indexOf("\n");
    const line = text.slice(0, at);
    text = text.slice(at + 1);
    return line;
  };
}

/** The packet a sender's connection begins with. */
export function packetOf(sender: Sender, [protocol, destination, destinationPort, source]: Target): Packet {
  const [uid, gid] = sender.ids;
  const v6 = destination.includes(":");
  const from = {
    pod: { owner: { uid: String(uid), gid: String(gid) }, ...(source === undefined ? {} : { source }) },
    peer: { inInterface: "eth0", source: v6 ? "fd77::2" : "10.77.0.2" },
    vm: { inInterface: "vnet0", source: v6 ? "fd78::2" : "10.78.0.2" },
  }[sender.at];
  return { protocol, destination, destinationPort, ...from };
}

/** Whether nobody answers. */
export function isLost({ kind, repliesLost }: Verdict): boolean {
  return kind === "dropped" || repliesLost === true;
}

/** Whether an answer came from where the walk said, as a sentence when it did not. */
export function contradiction(verdict: Verdict, answer: Answer): string | undefined {
  const said = isLost(verdict) ? "nowhere" : `${verdict.kind === "sent" ? "peer" : "pod"} ${verdict.port}`;
  const [place, listener, local = ""] = answer;
  const real = place === undefined ? "nowhere" : `${place} ${listener}`;
  if (said !== real) return `walk ${said}, real ${real}`;
  if (verdict.local === undefined || local === "") return undefined;
  const expected = `${verdict.local.address} ${verdict.local.port}`;
  return local === expected ? undefined : `socket at ${expected}, real ${local}`;
}

import { spawnSync } from "node:child_process";
import { type CommandRunner, localRunner } from "@weftmesh/iptables-gen";
import { startShell } from "./resident-shell.js";

/** Why namespaces cannot be made here; undefined where they can. Fails instead when WEFTMESH_REQUIRE names `netns`. */
export const noNamespaces: string | undefined = (() => {
  const reason = missing();
  const required = (process.env["WEFTMESH_REQUIRE"] ?? "").split(",").includes("netns");
  if (reason !== undefined && required) throw new Error(`WEFTMESH_REQUIRE names netns, but ${reason}`);
  return reason;
})();

function missing(): string | undefined {
  if (process.getuid?.() !== 0) return "this test needs root";
  for (const program of ["iptables-nft", "ip6tables-nft", "nft", "ip", "unshare", "setpriv"]) {
    if (spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0) return `this test needs ${program}`;
  }
  return spawnSync("unshare", ["--net", "true"]).status === 0 ? undefined : "this kernel refuses network namespaces";
}

/** A network namespace with a peer: eth0 10.77.0.1/24 and fd77::1/64 on this side, .2 on the other. */
export interface Namespace extends Disposable {
  /** Its name. */
  readonly name: string;
  /** Runs programs in it. */
  readonly runner: CommandRunner;
  /** Rules, routes and addresses, without counters and what the kernel adds by itself. */
  snapshot(): string;
}

const SNAPSHOT = `
for variant in iptables-nft ip6tables-nft iptables-legacy ip6tables-legacy; do $variant-save; done
nft -s list ruleset
printf 'rule\\nroute show table all\\n' | ip -4 -batch -
printf 'rule\\nroute show table all\\naddr show dev lo\\n' | ip -6 -batch -`;

let counter = 0;

/** Runs iproute2, and throws when it fails. */
export function ip(...args: string[]): void {
  const { exitCode, stderr } = localRunner.run({ program: "ip", args });
  if (exitCode !== 0) throw new Error(`ip ${args.join(" ")}: ${stderr}`);
}

/** Makes a namespace; it is gone when it is disposed. */
export function makeNamespace(): Namespace {
  const name = `weft-t-${process.pid}-${counter++}`;
  const peer = `${name}-p`;
  ip("netns", "add", name);
  ip("netns", "add", peer);
  ip("link", "add", "eth0", "netns", name, "type", "veth", "peer", "name", "p0", "netns", peer);
  for (const [namespace, device, last] of [
    [name, "eth0", "1"],
    [peer, "p0", "2"],
  ] as const) {
    ip("-n", namespace, "link", "set", "lo", "up");
    ip("-n", namespace, "link", "set", device, "addrgenmode", "none");
    ip("-n", namespace, "link", "set", device, "up");
    ip("-n", namespace, "addr", "add", `10.77.0.${last}/24`, "dev", device);
    ip("-n", namespace, "-6", "addr", "add", `fd77::${last}/64`, "dev", device, "nodad");
  }
  const runner = startShell(name);
  return {
    name,
    runner,
    snapshot: () =>
      runner
        .run({ program: "sh", args: ["-c", SNAPSHOT] })
        .stdout.replace(/^#.*\n/gm, "")
        .replace(/\[\d+:\d+\]/g, "[]")
        .replace(/ packets \d+ bytes \d+/g, ""),
    [Symbol.dispose]() {
      runner[Symbol.dispose]();
      ip("netns", "del", name);
      ip("netns", "del", peer);
    },
  };
}

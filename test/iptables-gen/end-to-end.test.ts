import { spawn } from "node:child_process";
import { chmodSync, copyFileSync, cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  applySettings,
  compileSettings,
  createWalker,
  DEFAULT_SETTINGS,
  generate,
  type Packet,
  type Settings,
} from "@weftmesh/iptables-gen";
import { afterAll, describe, expect, it } from "vitest";
import { makeNamespace, type Namespace, noNamespaces } from "./namespace.js";

const BASE: Partial<Settings> = { forceIptablesBinary: "nft", proxyUid: "1337", proxyGid: "1337", hostIp: "10.77.0.1" };

/** What the walk is asked about must be what connects: user, destination, port. */
const OWNERS = [
  { uid: 1000, gid: 1000 },
  { uid: 1337, gid: 1337 },
  { uid: 1000, gid: 1337 },
  { uid: 0, gid: 0 },
] as const;
const TARGETS = ["10.77.0.2", "10.77.0.1", "127.0.0.1", "fd77::2", "fd77::1"];
const PORTS = [80, 8080, 9999, 15008, 15021];
const PROXY_PORTS = [15001, 15006];

/** Listens on every port given, on both families, and answers with its own port. Prints a line when it is ready. */
const LISTENER = `
const { createServer } = require("node:net");
const [ports, host] = JSON.parse(process.argv[1]);
let left = ports.length;
for (const port of ports) createServer((c) => { c.on("error", () => {}); c.end(String(port)); })
  .listen({ port, host }, () => --left || console.log("ready"));`;

/** Connects to everything given and prints what answered, one JSON array. */
const CLIENT = `
const { connect } = require("node:net");
const once = ([host, port]) => new Promise((resolve) => {
  let text = "";
  const c = connect({ host, port, timeout: 3000 });
  c.on("data", (d) => (text += d)).on("close", () => resolve(text)).on("timeout", () => c.destroy()).on("error", () => {});
});
(async () => {
  const out = [];
  for (const target of JSON.parse(process.argv[1])) out.push(await once(target));
  console.log(JSON.stringify(out));
})();`;

// The interpreter may be installed where other users cannot read it.
const dir = mkdtempSync(join(tmpdir(), "weft-node-"));
const node = join(dir, "node");
chmodSync(dir, 0o755);
copyFileSync(process.execPath, node);
afterAll(() => rmSync(dir, { recursive: true }));

function inNamespace(
  name: string,
  owner: { readonly uid: number; readonly gid: number },
  code: string,
  argument: unknown,
) {
  const drop = ["setpriv", "--reuid", String(owner.uid), "--regid", String(owner.gid), "--clear-groups"];
  return spawn("ip", ["netns", "exec", name, ...drop, node, "-e", code, JSON.stringify(argument)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

async function output(child: ReturnType<typeof inNamespace>, until?: string): Promise<string> {
  let text = "";
  for await (const chunk of child.stdout) {
    text += String(chunk);
    if (until !== undefined && text.includes(until)) break;
  }
  return text;
}

const SETS: Readonly<Record<string, Partial<Settings>>> = {
  injected: { inboundPorts: "*", serviceCidr: "*", localExcludePorts: "15021" },
  "dual stack": { inboundPorts: "*", serviceCidr: "*", ipv6: true },
  ranges: { inboundPorts: "80,8080", serviceCidr: "10.77.0.0/24,fd77::/64", ipv6: true },
  ports: { outboundPorts: "80,9999", localOutboundPortsExclude: "8080" },
  "group list": { serviceCidr: "*", outboundOwnerGroups: "1000" },
  "several proxies": { serviceCidr: "*", inboundPorts: "*", proxyUid: "1336,1337", proxyGid: "1336,1337" },
};

describe.skipIf(noNamespaces !== undefined)(
  `real connections (${noNamespaces ?? "in namespaces made by the test"})`,
  () => {
    it("each of 2,000 and more lands where the walk says", async () => {
      using namespace = makeNamespace();
      const listeners = [
        inNamespace(namespace.name, { uid: 0, gid: 0 }, LISTENER, [[...PORTS, ...PROXY_PORTS], "::"]),
        inNamespace(`${namespace.name}-p`, { uid: 0, gid: 0 }, LISTENER, [PORTS, "::"]),
      ];
      try {
        await Promise.all(listeners.map((child) => output(child, "ready")));
        let connections = 0;
        const wrong: string[] = [];
        for (const [name, settings] of Object.entries(SETS)) {
          for (const nativeNftables of [false, true]) {
            for (const compat of ["fixed", "strict"] as const) {
              const wanted: Settings = { ...DEFAULT_SETTINGS, ...BASE, ...settings, nativeNftables };
              // The exchange of fixed also takes the rules of the round before away.
              applySettings({ ...DEFAULT_SETTINGS, ...BASE, cleanupOnly: true }, "fixed", () => {}, namespace.runner);
              applySettings(wanted, compat, () => {}, namespace.runner);
              const result = await connectAll(namespace, wanted, compat);
              connections += result.count;
              wrong.push(...result.wrong.map((line) => `${name}, native ${nativeNftables}, ${compat}: ${line}`));
            }
          }
        }
        expect(wrong).toEqual([]);
        expect(connections).toBeGreaterThanOrEqual(2000);
      } finally {
        for (const child of listeners) child.kill();
      }
    }, 240_000);

    it("a proxy reads the original destination and connects to it without a loop", async () => {
      const built = new URL("../../packages/iptables-gen/dist", import.meta.url).pathname;
      expect(existsSync(join(built, "index.js"))).toBe(true);
      using namespace = makeNamespace();
      const wanted: Settings = { ...DEFAULT_SETTINGS, ...BASE, serviceCidr: "*", inboundPorts: "*" };
      applySettings(wanted, "fixed", () => {}, namespace.runner);
      cpSync(join(built, "shell"), join(dir, "dist/shell"), { recursive: true });
      for (const file of ["address.js", "errors.js", "go-text.js", "proc-net.js"])
        cpSync(join(built, file), join(dir, "dist", file));
      cpSync(join(built, "../package.json"), join(dir, "package.json"));
      const proxy = `
      import(${JSON.stringify(join(dir, "dist/shell/original-dst.js"))}).then(({ originalDst }) => {
        const { connect, createServer } = require("node:net");
        createServer((socket) => {
          const dst = originalDst(socket);
          if (dst.kind !== "found") return socket.end("proxy says " + dst.kind);
          socket.write("by " + dst.address + ":" + dst.port + " ");
          connect(dst.port, dst.address).pipe(socket);
        }).listen(15001, "127.0.0.1", () => console.log("ready"));
      });`;
      const children = [
        inNamespace(`${namespace.name}-p`, { uid: 0, gid: 0 }, LISTENER, [[9999], "::"]),
        inNamespace(namespace.name, { uid: 1337, gid: 1337 }, proxy, []),
      ];
      try {
        await Promise.all(children.map((child) => output(child, "ready")));
        const client = inNamespace(namespace.name, { uid: 1000, gid: 1000 }, CLIENT, [
          ["10.77.0.2", 9999],
          ["127.0.0.1", 15001],
        ]);
        expect(JSON.parse(await output(client))).toEqual(["by 10.77.0.2:9999 9999", "proxy says loop"]);
      } finally {
        for (const child of children) child.kill();
      }
    }, 60_000);
  },
);

/** Connects as every owner to every target, and compares with the walk. */
async function connectAll(namespace: Namespace, wanted: Settings, compat: "strict" | "fixed") {
  const rules = generate(compileSettings(wanted, compat).options);
  const surroundings = { interfaces: [{ name: "eth0", addresses: ["10.77.0.1/24", "fd77::1/64"] }] };
  const walker = createWalker({ rules, backend: wanted.nativeNftables ? "nftables" : "iptables" }, surroundings);
  const targets = TARGETS.flatMap((host) => PORTS.map((port) => [host, port] as const));
  const wrong: string[] = [];
  for (const owner of OWNERS) {
    const answers = JSON.parse(await output(inNamespace(namespace.name, owner, CLIENT, targets))) as string[];
    for (const [i, [destination, destinationPort]] of targets.entries()) {
      const packet: Packet = {
        protocol: "tcp",
        destination,
        destinationPort,
        owner: { uid: String(owner.uid), gid: String(owner.gid) },
      };
      const said = String(walker.walk(packet).port);
      if (answers[i] !== said)
        wrong.push(
          `uid ${owner.uid} gid ${owner.gid} to ${destination} ${destinationPort}: walk ${said}, real ${answers[i]}`,
        );
    }
  }
  return { count: OWNERS.length * targets.length, wrong };
}

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { applySettings, DEFAULT_SETTINGS, type Settings } from "@weftmesh/iptables-gen";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { noNamespaces } from "./namespace.js";
import { makePod, type Pod, SENDERS } from "./pod.js";

const PACKAGE = new URL("../../packages/iptables-gen/", import.meta.url).pathname;
const BASE: Partial<Settings> = { forceIptablesBinary: "nft", proxyUid: "1337", proxyGid: "1337", hostIp: "10.77.0.1" };

/** Copies the built package with what it needs to where every user can read it. */
function installPackage(dir: string, withKoffi: boolean): string {
  const { resolve } = createRequire(join(PACKAGE, "package.json"));
  const modules = join(dir, "node_modules");
  mkdirSync(modules, { recursive: true });
  const koffi = realpathSync(dirname(resolve("koffi")));
  const copies: [from: string, to: string][] = [[dirname(dirname(resolve("ipaddr.js"))), "ipaddr.js"]];
  if (withKoffi) copies.push([koffi, "koffi"], [join(koffi, "../@koromix"), "@koromix"]);
  for (const [from, to] of copies) cpSync(from, join(modules, to), { recursive: true, dereference: true });
  for (const part of ["bin", "dist", "package.json"]) cpSync(join(PACKAGE, part), join(dir, part), { recursive: true });
  return dir;
}

/** A proxy that says where each connection was meant to go, and connects there. */
const PROXY = `
const [module, port, local] = JSON.parse(process.argv[1]);
import(module).then(({ originalDst }) => {
  const { connect, createServer } = require("node:net");
  createServer((socket) => {
    socket.on("error", () => {});
    const dst = originalDst(socket);
    if (dst.kind !== "found") return socket.end(JSON.stringify(["proxy says " + dst.kind, 0, ""]));
    const upstream = connect({ port: dst.port, host: dst.address, ...(local ? { localAddress: local } : {}) });
    upstream.on("error", () => socket.destroy());
    let text = "by " + dst.by + " " + dst.address + " " + dst.port + ": ";
    upstream.on("data", (d) => (text += d)).on("close", () => socket.end(JSON.stringify([text, 0, ""])));
  }).listen(port, "::", () => console.log("ready"));
});`;

const SERVER = `
require("node:net").createServer((c) => c.end(process.argv[1] + " from " + c.remoteAddress))
  .listen(9999, "::", () => console.log("ready"));`;

describe.skipIf(noNamespaces !== undefined)(`a proxy behind the rules (${noNamespaces ?? "in namespaces"})`, () => {
  let pod: Pod;
  let dir: string;
  const apply = (settings: Partial<Settings>): void =>
    applySettings({ ...DEFAULT_SETTINGS, ...BASE, ...settings }, "fixed", () => {}, pod.namespace.runner);

  beforeAll(async () => {
    pod = await makePod();
    dir = installPackage(join(dirname(pod.node), "whole"), true);
    const bare = installPackage(join(dirname(pod.node), "bare"), false);
    const module = join(dir, "dist/index.js");
    await Promise.all([
      pod.start(SENDERS.peer, SERVER, "peer"),
      pod.start(SENDERS.application, SERVER, "pod"),
      pod.start(SENDERS.proxy, PROXY, [module, 15001]),
      pod.start(SENDERS.proxy, PROXY, [join(bare, "dist/index.js"), 16001]),
      // From this address the proxy reaches its own application without being captured again.
      pod.start(SENDERS.proxy, PROXY, [module, 15006, "127.0.0.6"]),
    ]);
  }, 60_000);
  afterAll(() => pod[Symbol.dispose]());

  it.each([false, true])(
    "reads the original destination and connects to it without a loop, native %s",
    async (native) => {
      apply({ serviceCidr: "*", inboundPorts: "*", nativeNftables: native });
      const never = () => false;
      const [[out] = [], [loop] = []] = await pod.connect(
        "application",
        [
          ["tcp", "10.77.0.2", 9999],
          ["tcp", "127.0.0.1", 15001],
        ],
        never,
      );
      expect(out).toBe('by getsockopt 10.77.0.2 9999: "peer" from ::ffff:10.77.0.1');
      expect(loop).toBe("proxy says loop");
      const [[inbound] = []] = await pod.connect("peer", [["tcp", "10.77.0.1", 9999]], never);
      expect(inbound).toBe('by getsockopt 10.77.0.1 9999: "pod" from ::ffff:127.0.0.6');
    },
  );

  it("without koffi finds the destination of outbound connections in the kernel's table of sockets", async () => {
    apply({ serviceCidr: "*", envoyPort: "16001" });
    const [[out] = []] = await pod.connect("application", [["tcp", "10.77.0.2", 9999]], () => false);
    expect(out).toBe('by proc 10.77.0.2 9999: "peer" from ::ffff:10.77.0.1');
  });

  it("the validation probe arrives as the proxy's user while the rules are there, and ends with 126 when they are gone", () => {
    const ports = ["-p", "17001", "-z", "17006"];
    const validate = () => {
      const call = [pod.node, join(dir, "bin/weft-iptables.js"), "istio-iptables", ...ports, "-u", "1337"];
      const drop = ["setpriv", "--reuid", "1337", "--regid", "1337", "--clear-groups"];
      const words = ["--run-validation", "--skip-rule-apply", "--probe-timeout", "2500ms"];
      const inside = [`--net=/run/netns/${pod.namespace.name}`, "--", ...drop, ...call, ...words];
      return spawnSync("nsenter", inside, { encoding: "utf8", timeout: 60_000 });
    };
    apply({ serviceCidr: "*", inboundPorts: "*", envoyPort: "17001", inboundCapturePort: "17006" });
    expect(validate()).toMatchObject({ status: 0 });
    apply({ cleanupOnly: true });
    const gone = validate();
    expect(gone.status).toBe(126);
    // Who is not root may not read the rules in force, so the wanted ones are walked.
    expect(gone.stdout).toContain("the wanted rules would redirect the probe, so they are not in force here");
  }, 60_000);
});

import { spawn, spawnSync } from "node:child_process";
import { chownSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { call } from "../admin.js";
import { CONTROL, pod, port, VISITOR } from "../layout.js";
import { SIDECAR_PROGRAM, sidecarArguments } from "../mesh.js";
import { HOST_ADDRESS, Namespace, obstacle } from "../namespace.js";
import { copyProgram, type ProgramCopy } from "../program-copy.js";
import type { SidecarStats } from "../sidecar-stats.js";
import type { Step } from "../story.js";

const PROXY_UID = 1337;
const APP_UID = 65534;
const REQUESTS = 40;
/** An address for documentation: nobody in the world answers there. */
const SERVICE = "198.51.100.10";
/** The default rules of Istio: everything in both directions, but for the proxy itself. */
const FLAGS = ["-p", "15001", "-z", "15006", "-u", String(PROXY_UID), "-m", "REDIRECT", "-i", "*", "-b", "*"];

/** The application: some lines of a program that has never heard of a proxy. */
const APPLICATION = `
  let good = 0, last = "";
  for (let i = 0; i < ${REQUESTS}; i++) {
    try {
      const reply = await fetch("http://${SERVICE}/books/1", { signal: AbortSignal.timeout(i === 0 ? 1500 : 3000) });
      if (reply.status === 200 && (await reply.json()).title) good++; else last = "status " + reply.status;
    } catch (error) { last = String(error.cause?.code ?? error.name); if (i === 0) break; }
  }
  console.log(JSON.stringify({ good, last }));
  process.exit();
`;

/** Capture: rules bring the traffic of an application that knows nothing to its proxy. */
export const capture: Step = {
  number: 9,
  name: "capture",
  title: "rules bring traffic to the proxy, the application knows nothing",
  expected: `an application in its own namespace reaches the catalog ${REQUESTS} of ${REQUESTS} times through the sidecar; after removal rules, routes and addresses are as before`,
  async run({ mesh, progress }) {
    const reason = obstacle();
    if (reason !== undefined) return { reason };
    progress("making a namespace");
    const program = runnableBy(PROXY_UID, mesh.folder);
    await using space = await Namespace.create([CONTROL.xds, CONTROL.ca, port(pod("catalog"), "inbound")]);
    const before = space.state();

    progress("starting the sidecar of the visitor");
    const own = join(mesh.folder, VISITOR.name);
    for (const path of [own, join(own, "token")]) chownSync(path, PROXY_UID, PROXY_UID);
    const socket = join(own, "admin");
    const args = sidecarArguments(VISITOR, mesh.folder, socket, HOST_ADDRESS);
    const sidecar = await mesh.supervisor.start({
      name: "sidecar of visitor",
      command: space.as(PROXY_UID, program.node, program.file, ...args),
    });
    try {
      const without = await visit(space, program.node);
      progress("applying the rules");
      space.run(process.execPath, weftIptables(), ...FLAGS);
      const rules = space.state().filter((line) => line.startsWith("iptables-save: -A")).length;
      progress("visiting");
      const visited = await visit(space, program.node);
      const { counters } = await call<SidecarStats>(socket, "/stats");
      space.run(process.execPath, weftIptables(), "clean", ...FLAGS);
      const left = difference(before, space.state());
      const proxied = counters["requests"] ?? 0;
      return {
        measured: `reached ${visited.good} of ${REQUESTS}, ${proxied} by the sidecar (without rules ${without.good}), ${rules} rules, ${left.length} traces left`,
        requests: REQUESTS,
        checks: [
          { what: `without rules the service was reached ${without.good} times, expected 0`, ok: without.good === 0 },
          { what: `reached ${visited.good} of ${REQUESTS} times (${visited.last})`, ok: visited.good === REQUESTS },
          { what: `the sidecar saw ${proxied} requests, expected ${REQUESTS}`, ok: proxied === REQUESTS },
          { what: `the removal left ${left.join("; ")}`, ok: left.length === 0 },
        ],
      };
    } finally {
      await sidecar.stop();
    }
  },
};

function weftIptables(): string {
  const require = createRequire(import.meta.url);
  return join(dirname(require.resolve("@weftmesh/iptables-gen/package.json")), "bin/weft-iptables.js");
}

/** The sidecar as this user can run it: where it lies, or as a copy that everybody can read. */
function runnableBy(uid: number, folder: string): ProgramCopy {
  const there = { node: process.execPath, file: SIDECAR_PROGRAM };
  const user = [`--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", "--"];
  const { status } = spawnSync("setpriv", [...user, there.node, there.file, "--help"], { cwd: "/" });
  return status === 0 ? there : copyProgram(SIDECAR_PROGRAM, folder);
}

function visit(space: Namespace, node: string): Promise<{ readonly good: number; readonly last: string }> {
  const [file, ...args] = space.as(APP_UID, node, "--input-type=module", "-e", APPLICATION);
  return new Promise((resolve, reject) => {
    const application = spawn(file, args, { cwd: "/", stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    let complaint = "";
    application.stdout.on("data", (chunk) => {
      text += chunk;
    });
    application.stderr.on("data", (chunk) => {
      complaint += chunk;
    });
    application.on("error", reject).on("close", () => {
      if (text === "")
        reject(new Error(`the application ended without a word: ${complaint.trim().split("\n").at(-1)}`));
      else resolve(JSON.parse(text));
    });
  });
}

function difference(before: readonly string[], after: readonly string[]): readonly string[] {
  const more = after.filter((line) => !before.includes(line)).map((line) => `more: ${line}`);
  const less = before.filter((line) => !after.includes(line)).map((line) => `less: ${line}`);
  return [...more, ...less];
}

/** The capture rules: what a dry run costs a pod's start, and how many packets a walk judges. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWalker, DEFAULT_OPTIONS, generate, type Packet } from "@weftmesh/iptables-gen";
import type { MeasurementVariant, Row } from "./row.js";

const CLI = new URL("../../packages/iptables-gen/bin/weft-iptables.js", import.meta.url).pathname;

function wholeProcess(name: string, args: readonly string[]): MeasurementVariant {
  return {
    name,
    prepare: () => ({
      async measure() {
        const start = process.hrtime.bigint();
        const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
        const [code] = (await once(child, "exit")) as [number | null];
        if (code !== 0) throw new Error(`${name} exited with ${code}`);
        return Number(process.hrtime.bigint() - start) / 1e6;
      },
    }),
  };
}

const WALKS = 10_000;

/** Packets of an application, the proxy and the network, in turn. */
const PACKETS: readonly Packet[] = Array.from({ length: WALKS }, (_, i): Packet => {
  const destinationPort = 1 + ((i * 7919) % 65_535);
  if (i % 4 === 0) return { protocol: "tcp", destination: "10.0.0.1", destinationPort };
  const id = i % 4 === 1 ? "1337" : "1000";
  const destination = i % 4 === 3 ? "10.0.0.1" : `10.${i % 250}.0.9`;
  return { protocol: "tcp", destination, destinationPort, owner: { uid: id, gid: id } };
});

/** Start-up against node's own; 10,000 walks within 100 ms. */
export const rows: readonly Row[] = [
  {
    kind: "measurement",
    name: "weft-iptables --dry-run, whole process",
    unit: "ms",
    better: "lower",
    ours: wholeProcess("weft-iptables --dry-run", [CLI, "--dry-run", "--host-ip", "10.0.0.1/24"]),
    against: [{ ...wholeProcess("node alone", ["--eval", ""]), bar: { kind: "ratio", max: 2 } }],
  },
  {
    kind: "operation",
    name: "10,000 packet walks over the default rules",
    ours: {
      name: "createWalker().walk",
      prepare() {
        const walker = createWalker({
          rules: generate({ ...DEFAULT_OPTIONS, inboundPorts: "*", outboundRanges: "*" }),
        });
        return () => {
          let redirected = 0;
          for (const packet of PACKETS) if (walker.walk(packet).by === "redirect") redirected++;
          return redirected;
        };
      },
    },
    against: [
      {
        name: "a loop over the packets",
        prepare: () => () => PACKETS.filter(({ protocol }) => protocol === "tcp").length,
        bar: { kind: "absolute", max: 100e6 },
      },
    ],
  },
];

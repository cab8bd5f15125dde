import {
  type Backend,
  compileSettings,
  createWalker,
  generate,
  type Packet,
  type Surroundings,
  type Verdict,
  type Walker,
} from "@weftmesh/iptables-gen";
import type { Case } from "../conformance/suite.js";
import { compareAll } from "./compare.js";
import { type GoConfig, settingsOfGoConfig } from "./go-config.js";

/** Verdicts of a real kernel. */
export interface PacketFile {
  readonly configs: Readonly<Record<string, { readonly config: GoConfig }>>;
  readonly packets: Readonly<Record<string, MeasuredPacket>>;
  readonly results: Readonly<
    Record<
      string,
      Readonly<
        Record<
          string,
          { readonly iptables: string; readonly nftables: string; readonly originalDst?: readonly [string, number] }
        >
      >
    >
  >;
}

interface MeasuredPacket {
  readonly uid: number;
  readonly gid: number;
  readonly proto: "tcp" | "udp";
  readonly dst: string;
  readonly port: number;
  readonly src: string | null;
  readonly from: "pod" | "peer" | "vm";
}

/** The pod the packets were measured in. */
const POD: Surroundings = {
  interfaces: [
    { name: "eth0", addresses: ["10.77.0.1/24", "fd77::1/64"] },
    { name: "net1", addresses: ["10.78.0.1/24", "fd78::1/64"] },
    { name: "virt0", addresses: ["10.88.0.1/24", "fd88::1/64"] },
    { name: "lo", addresses: ["::6/128"] },
  ],
};

const LOOPBACK_ONLY: ReadonlySet<number> = new Set([15001, 15053]);
const POD_TCP: ReadonlySet<number> = new Set([15001, 15053, 15006, 15008, 15021, 8080, 9090]);
const PEER: Readonly<Record<"tcp" | "udp", ReadonlySet<number>>> = {
  tcp: new Set([80, 9999, 3306, 53, 8080]),
  udp: new Set([53, 9999]),
};

/** One case a configuration, packet and back end. */
export function* packetCases(file: PacketFile): Iterable<Case> {
  for (const [name, results] of Object.entries(file.results)) {
    const config = file.configs[name];
    for (const backend of ["iptables", "nftables"] as const) {
      let walker: Walker | undefined;
      for (const [key, expected] of Object.entries(results)) {
        const measured = file.packets[key];
        yield {
          name: `packets/${name}/${key}/${backend}`,
          run() {
            if (config === undefined || measured === undefined) throw new Error("a result without its inputs");
            walker ??= walkerFor(config.config, backend);
            const verdict = walker.walk(packetOf(measured));
            const captured = verdict.by !== undefined;
            const dst = expected.originalDst;
            const original = dst === undefined ? undefined : { address: dst[0], port: dst[1] };
            const judged = captured && backend === "iptables" && original !== undefined;
            return compareAll(
              ["verdict", expected[backend], listenerOf(verdict, measured.proto)],
              ["original destination", judged ? original : undefined, judged ? verdict.originalDestination : undefined],
            );
          },
        };
      }
    }
  }
}

function walkerFor(config: GoConfig, backend: Backend): Walker {
  const { options } = compileSettings(settingsOfGoConfig(config), "strict");
  return createWalker({ rules: generate(options), backend }, POD);
}

function packetOf(measured: MeasuredPacket): Packet {
  return {
    protocol: measured.proto,
    destination: measured.dst,
    destinationPort: measured.port,
    ...(measured.src === null ? {} : { source: measured.src }),
    ...(measured.from === "pod" ? { owner: { uid: String(measured.uid), gid: String(measured.gid) } } : {}),
    ...(measured.from === "vm" ? { inInterface: "virt0" } : {}),
  };
}

/** The listener a verdict reaches, as the measurement names it. */
function listenerOf(verdict: Verdict, protocol: "tcp" | "udp"): string {
  if (verdict.kind === "dropped") return "dropped";
  if (verdict.kind === "sent") return PEER[protocol].has(verdict.port) ? `peer:${verdict.port}` : "refused";
  const listening = protocol === "tcp" ? POD_TCP.has(verdict.port) : verdict.port === 15053;
  const reachable = !LOOPBACK_ONLY.has(verdict.port) || verdict.address === "127.0.0.1" || verdict.address === "::1";
  return listening && reachable ? `pod:${verdict.port}` : "refused";
}

import type { SavedTable } from "../parse/iptables-save.js";
import type { Endpoint } from "../proc-net.js";
import type { Backend, Family, Rule, Table } from "../rule.js";
import type { RuleSet } from "../rule-set.js";
import { type Evaluation, evaluateChain, type Trace } from "./evaluate.js";
import { compileNetwork, LOOPBACK, type Network } from "./network.js";
import { type Address, DEFAULT_SURROUNDINGS, type Packet, readAddress, type Surroundings } from "./packet.js";
import { compileRuleSet, compileSaved, type Program } from "./program.js";
import type { PacketState } from "./state.js";

/** Where a packet ends. */
export interface Verdict {
  /** To a socket of this machine, out by an interface, or nowhere. */
  readonly kind: "delivered" | "sent" | "dropped";
  /** Address and port it is delivered or sent to, rewritten or not. */
  readonly address: string;
  /** See `address`. */
  readonly port: number;
  /** Present when it is delivered: what the accepted socket has for its own address. With TPROXY this is where it was sent to. */
  readonly local?: Endpoint;
  /** Interface it leaves by; `lo` when it is delivered to a socket here. */
  readonly interface: string;
  /** What brought it to another port than the one it was sent to. */
  readonly by?: "redirect" | "tproxy";
  /** Where it was sent to. */
  readonly originalDestination: Endpoint;
  /** Present on a forwarded connection whose replies TPROXY's rules keep on this machine, so that it is never answered. */
  readonly repliesLost?: true;
  /** The rule that decided: the redirect, the TPROXY or the drop. */
  readonly rule?: Rule;
  /** Foreign conditions that could not be judged and were taken as not met; if there are any, the verdict is a guess. */
  readonly unknown: readonly Rule[];
}

/** A verdict with every rule that was looked at. */
export interface Explanation extends Verdict {
  /** The rules in the order they were looked at. */
  readonly trace: readonly Trace[];
}

/** Rules, compiled for walking. Reusable for any number of packets. */
export interface Walker {
  /** Where a packet ends. */
  walk(packet: Packet): Verdict;
  /** Where a packet ends, and why. */
  explain(packet: Packet): Explanation;
}

/** What {@link createWalker} walks: generated rules for a back end, or the rules of a machine in one of them. */
export type WalkSource = GeneratedSource | SavedSource | NativeSource;

/** Generated rules. */
export interface GeneratedSource {
  /** The rules. */
  readonly rules: RuleSet;
  /** The form they are walked in. Default `iptables`. */
  readonly backend?: Backend;
}

/** Rules of a machine. */
export interface SavedSource {
  /** Tables of each family; a family left out has no rules. */
  readonly saved: Readonly<Partial<Record<Family, readonly SavedTable[]>>>;
}

/** Native tables of a machine. */
export interface NativeSource {
  /** Tables as {@link parseNftJson} reads them; both families are in each. */
  readonly native: readonly SavedTable[];
}

/**
 * Compiles rules for walking.
 *
 * The walk is that of the first packet of a connection: OUTPUT of raw, mangle and nat for packets of this machine, PREROUTING of the
 * same for packets that come in or come back by loopback. Addresses are rewritten as the kernel does.
 */
export function createWalker(source: WalkSource, surroundings: Surroundings = DEFAULT_SURROUNDINGS): Walker {
  const network = compileNetwork(surroundings);
  const program = (family: Family): Program => {
    if ("rules" in source) return compileRuleSet(source.rules, family, source.backend ?? "iptables");
    if ("native" in source) return compileSaved(source.native, family, "nftables");
    return compileSaved(source.saved[family] ?? [], family, "iptables");
  };
  const programs: Readonly<Record<Family, Program>> = { ipv4: program("ipv4"), ipv6: program("ipv6") };
  return {
    walk: (packet) => new Walk(programs, network, undefined).run(packet),
    explain(packet) {
      const trace: Trace[] = [];
      return { ...new Walk(programs, network, trace).run(packet), trace };
    },
  };
}

/** Where one packet ends. For many packets make a {@link createWalker} once. */
export function walk(rules: RuleSet, packet: Packet, surroundings?: Surroundings): Verdict {
  return createWalker({ rules }, surroundings).walk(packet);
}

const DEFAULT_SOURCE_PORT = 40_000;
const OUTSIDE: Readonly<Record<Family, Address>> = { ipv4: readAddress("192.0.2.1"), ipv6: readAddress("2001:db8::1") };

type Hook = "OUTPUT" | "PREROUTING" | "INPUT" | "FORWARD";

class Walk {
  readonly #programs: Readonly<Record<Family, Program>>;
  readonly #network: Network;
  readonly #trace: Trace[] | undefined;
  readonly #unknown: Rule[] = [];

  constructor(programs: Readonly<Record<Family, Program>>, network: Network, trace: Trace[] | undefined) {
    this.#programs = programs;
    this.#network = network;
    this.#trace = trace;
  }

  run(packet: Packet): Verdict {
    const state = this.#begin(packet);
    const original: Endpoint = { address: state.destination.text, port: state.destinationPort };
    const end = (kind: Verdict["kind"], by?: Verdict["by"], rule?: Rule): Verdict => ({
      kind,
      address: state.destination.text,
      port: by === "tproxy" && rule?.target.kind === "tproxy" ? Number(rule.target.port) : state.destinationPort,
      ...(kind === "delivered" ? { local: { address: state.destination.text, port: state.destinationPort } } : {}),
      interface: kind === "delivered" ? "lo" : state.outInterface,
      ...(by === undefined ? {} : { by }),
      originalDestination: original,
      ...(rule === undefined ? {} : { rule }),
      unknown: this.#unknown,
    });

    let redirect: Rule | undefined;
    if (state.owner !== undefined) {
      const out = this.#hook(state, "OUTPUT", ["raw", "mangle", "nat", "filter"]);
      if (out.kind === "drop") return end("dropped", undefined, out.rule);
      if (out.kind === "redirect") {
        redirect = out.rule;
        state.destination = LOOPBACK[state.family];
        state.destinationPort = out.port;
      }
      state.outInterface = this.#network.interfaceTo(state.destination);
      if (state.outInterface !== "lo") return end("sent");
      state.inInterface = "lo";
      state.outInterface = "";
    }
    // A packet that comes back by loopback keeps the address translation it got on its way out, so nat is not asked again.
    const tables: readonly Table[] = state.owner === undefined ? ["raw", "mangle", "nat"] : ["raw", "mangle"];
    const incoming = this.#hook(state, "PREROUTING", tables);
    if (incoming.kind === "drop") return end("dropped", undefined, incoming.rule);
    if (incoming.kind === "tproxy") {
      // The socket is chosen, but nat still comes, and what it rewrites is the address the socket sees.
      const after = state.owner === undefined ? this.#hook(state, "PREROUTING", ["nat"]) : incoming;
      if (after.kind === "redirect") this.#rewriteIncoming(state, after.port);
      return end("delivered", "tproxy", incoming.rule);
    }
    if (incoming.kind === "redirect") {
      redirect = incoming.rule;
      this.#rewriteIncoming(state, incoming.port);
    }
    const local = this.#network.isLocal(state.destination);
    if (!local) state.outInterface = this.#network.interfaceTo(state.destination);
    const last = this.#hook(state, local ? "INPUT" : "FORWARD", ["filter"]);
    if (last.kind === "drop") return end("dropped", undefined, last.rule);
    if (!local) return this.#repliesArrive(state) ? end("sent") : { ...end("sent"), repliesLost: true };
    return redirect === undefined ? end("delivered") : end("delivered", "redirect", redirect);
  }

  #rewriteIncoming(state: PacketState, port: number): void {
    state.destination = this.#network.addressOf(state.inInterface, state.family) ?? state.destination;
    state.destinationPort = port;
  }

  /** TPROXY keeps an established connection's packets on this machine by their mark, a forwarded connection's replies among them. */
  #repliesArrive(state: PacketState): boolean {
    const reply: PacketState = {
      ...state,
      source: state.destination,
      sourcePort: state.destinationPort,
      destination: state.source,
      destinationPort: state.sourcePort,
      inInterface: state.outInterface,
      outInterface: "",
      mark: 0,
      established: true,
    };
    const program = this.#programs[state.family];
    evaluateChain(program, "mangle", "PREROUTING", reply, undefined, []);
    return reply.mark === 0 || !program.localMarks.has(reply.mark);
  }

  #begin(packet: Packet): PacketState {
    const destination = readAddress(packet.destination);
    const { family } = destination;
    const out = packet.owner === undefined ? "" : this.#network.interfaceTo(destination);
    const local = out === "lo" ? this.#network.sourceTo(destination) : this.#network.addressOf(out, family);
    const source = packet.source === undefined ? undefined : readAddress(packet.source);
    return {
      protocol: packet.protocol,
      family,
      owner: packet.owner,
      source: source ?? (packet.owner === undefined ? undefined : local) ?? OUTSIDE[family],
      sourcePort: packet.sourcePort ?? DEFAULT_SOURCE_PORT,
      destination,
      destinationPort: packet.destinationPort,
      inInterface: packet.owner === undefined ? (packet.inInterface ?? this.#network.homeOf(destination)) : "",
      outInterface: out,
      mark: 0,
      connectionMark: 0,
      established: false,
    };
  }

  #hook(state: PacketState, chain: Hook, tables: readonly Table[]): Evaluation {
    const program = this.#programs[state.family];
    for (const table of tables) {
      const result = evaluateChain(program, table, chain, state, this.#trace, this.#unknown);
      if (result.kind !== "accept") return result;
      // A packet dropped by policy meets no rule that says so.
      if (program.drops.has(`${table} ${chain}`)) return { kind: "drop" };
    }
    return { kind: "accept" };
  }
}

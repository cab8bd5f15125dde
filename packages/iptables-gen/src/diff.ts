import type { Options } from "./options.js";
import type { Backend } from "./rule.js";
import type { RuleSet } from "./rule-set.js";
import {
  type Address,
  DEFAULT_SURROUNDINGS,
  type Packet,
  type PacketOwner,
  type Range,
  readRange,
  type Surroundings,
} from "./walk/packet.js";
import { createWalker, type Verdict } from "./walk/walk.js";

/** A class of packets that two rule sets treat differently. */
export interface VerdictChange {
  /** A packet that shows it. */
  readonly witness: Packet;
  /** What the first rule set does with it. */
  readonly before: Verdict;
  /** What the second one does. */
  readonly after: Verdict;
  /** How many of the packets tried change in this way. */
  readonly count: number;
}

/**
 * Packets whose fate changes from one rule set to another.
 *
 * Tried are all combinations of the ports, ranges, owners and interfaces the two configurations speak of, with one value outside of each;
 * what a rule cannot tell apart needs no second packet.
 */
export function diffVerdicts(
  before: RuleSet,
  after: RuleSet,
  around: Surroundings = DEFAULT_SURROUNDINGS,
  backends: { readonly before: Backend; readonly after: Backend } = { before: "iptables", after: "iptables" },
): readonly VerdictChange[] {
  const surroundings = withNamedInterfaces(around, [before.options, after.options]);
  const first = createWalker({ rules: before, backend: backends.before }, surroundings);
  const second = createWalker({ rules: after, backend: backends.after }, surroundings);
  const changes = new Map<string, VerdictChange>();
  for (const witness of packetsOf([before.options, after.options], surroundings)) {
    const [was, is] = [first.walk(witness), second.walk(witness)];
    const key = `${outcome(was)} ${outcome(is)} ${witness.protocol} ${witness.owner === undefined ? "in" : "out"}`;
    if (outcome(was) === outcome(is)) continue;
    const known = changes.get(key);
    changes.set(
      key,
      known === undefined ? { witness, before: was, after: is, count: 1 } : { ...known, count: known.count + 1 },
    );
  }
  return [...changes.values()];
}

/** Interfaces the options name and the surroundings do not have get a network of their own, so that packets can go by them. */
function withNamedInterfaces({ interfaces }: Surroundings, options: readonly Options[]): Surroundings {
  const named = options.flatMap((one) => [...one.excludeInterfaces, ...one.virtualInterfaces]);
  const missing = unique(named.map((name) => name.replace(/\+$/, "0")))
    .filter((name) => !interfaces.some((one) => one.name === name))
    .slice(0, MAX_VALUES);
  return {
    interfaces: [
      ...interfaces,
      ...missing.map((name, i) => ({ name, addresses: [`198.18.${i}.1/24`, `fd98:${i}::1/64`] })),
    ],
  };
}

/** What matters of a verdict: packets that pass unchanged are all the same. */
function outcome({ kind, by, port, repliesLost }: Verdict): string {
  if (repliesLost === true) return "unanswered";
  return by === undefined ? kind : `${by}:${port}`;
}

/** Most values of one kind that are combined; a list of thousands of ports is one rule repeated. */
const MAX_VALUES = 24;

function* packetsOf(options: readonly Options[], surroundings: Surroundings): Iterable<Packet> {
  const ports = portsOf(options);
  const own = surroundings.interfaces.flatMap(({ name, addresses }) =>
    addresses.map((text) => ({ name, text: text.split("/")[0] ?? "" })),
  );
  for (const protocol of ["tcp", "udp"] as const) {
    for (const destinationPort of ports) {
      for (const destination of destinationsOf(
        options,
        own.map(({ text }) => text),
      )) {
        for (const owner of ownersOf(options)) yield { protocol, destinationPort, destination, owner };
      }
      for (const { name: inInterface, text: destination } of own) {
        if (inInterface !== "lo") yield { protocol, destinationPort, destination, inInterface };
      }
      for (const { name: inInterface } of surroundings.interfaces.slice(1)) {
        for (const destination of ["198.51.100.7", "2001:db8:7::7"]) {
          yield { protocol, destinationPort, destination, inInterface };
        }
      }
    }
  }
}

function portsOf(options: readonly Options[]): readonly number[] {
  const texts = options.flatMap((one) => [
    ...(one.inboundPorts === "*" ? [] : (one.inboundPorts ?? [])),
    ...one.inboundPortsExclude,
    ...one.outboundPorts,
    ...one.outboundPortsExclude,
    one.tunnelPort,
  ]);
  const numbers = texts.map((text) => Number(text.split(":")[0])).filter((port) => port > 0 && port <= 65535);
  return unique([53, 8080, ...numbers]).slice(0, MAX_VALUES);
}

function destinationsOf(options: readonly Options[], own: readonly string[]): readonly string[] {
  const ranges = options.flatMap((one) => [
    ...(one.outboundRanges === "*" ? [] : one.outboundRanges),
    ...one.outboundRangesExclude,
  ]);
  const inside = ranges.flatMap(({ text }) => addressesIn(readRange(text)));
  const servers = options.flatMap(({ dns }) => (dns.kind === "servers" ? [...dns.ipv4, ...dns.ipv6] : []));
  const neighbours = own.filter((text) => /^(?:198\.18|fd98)/.test(text)).map((text) => text.replace(/1$/, "9"));
  const always = ["198.51.100.7", "2001:db8:7::7", "127.0.0.1", "::1", ...own, ...neighbours];
  return unique([...always, ...servers.filter((text) => !text.includes("%")), ...inside]).slice(0, MAX_VALUES);
}

function addressesIn(range: Range | undefined): readonly string[] {
  return range === undefined ? [] : [lastOf(range.address, range.bits)];
}

/** An address of a range that is not the range's own: the last one. */
function lastOf(address: Address, bits: number): string {
  const bytes = address.bytes.map((byte, i) => {
    const fixed = Math.max(0, Math.min(8, bits - 8 * i));
    return byte | (0xff >> fixed);
  });
  if (address.family === "ipv4") return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
  );
  return groups.join(":");
}

function ownersOf(options: readonly Options[]): readonly PacketOwner[] {
  const uids = unique(options.flatMap((one) => one.proxyUids));
  const gids = unique(options.flatMap((one) => [...one.proxyGids, ...one.ownerGroups.groups])).slice(0, MAX_VALUES);
  return [
    { uid: "1000", gid: "1000" },
    ...uids.map((uid) => ({ uid, gid: uid })),
    ...gids.map((gid) => ({ uid: "1000", gid })),
  ];
}

function unique<T>(values: readonly T[]): readonly T[] {
  return [...new Set(values)];
}

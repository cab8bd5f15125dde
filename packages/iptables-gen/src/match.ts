import type { AddressMatch, Backend, Match, OwnerMatch, PortMatch, Protocol, ProtocolMatch } from "./rule.js";

/** Constructors for conditions, so that the rule descriptions read as the rules do. */

export const tcp: ProtocolMatch = { kind: "protocol", protocol: "tcp" };
export const udp: ProtocolMatch = { kind: "protocol", protocol: "udp" };

/** A protocol that one back end's form of the rule leaves out, because a port match says it already. */
export function protocolIn(only: Backend, protocol: Protocol): ProtocolMatch {
  return { kind: "protocol", protocol, only };
}

export function fromInterface(name: string): Match {
  return { kind: "in-interface", name };
}

export function toInterface(name: string): Match {
  return { kind: "out-interface", name };
}

export function to(range: string): AddressMatch {
  return { kind: "destination", range };
}

export function from(range: string): AddressMatch {
  return { kind: "source", range };
}

export function toPort(protocol: Protocol, ...ports: readonly string[]): PortMatch {
  return { kind: "destination-port", protocol, ports };
}

export function fromPort(protocol: Protocol, port: string): PortMatch {
  return { kind: "source-port", protocol, ports: [port] };
}

export function user(id: string): OwnerMatch {
  return { kind: "owner-user", id };
}

export function group(id: string): OwnerMatch {
  return { kind: "owner-group", id };
}

export function mark(value: string): Match {
  return { kind: "mark", value };
}

/** The opposite of a condition. */
export function not<M extends Match & { readonly negated?: true }>(match: M): M {
  return { ...match, negated: true };
}

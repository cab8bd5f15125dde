import type { Family, Protocol } from "../rule.js";
import type { Address, PacketOwner } from "./packet.js";

/** A packet on its way; rules read it and change it. */
export interface PacketState {
  readonly protocol: Protocol;
  readonly family: Family;
  readonly owner: PacketOwner | undefined;
  source: Address;
  readonly sourcePort: number;
  destination: Address;
  destinationPort: number;
  inInterface: string;
  outInterface: string;
  mark: number;
  connectionMark: number;
  /** Whether its connection has had an answer. */
  readonly established: boolean;
}

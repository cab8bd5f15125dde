import type { Family } from "../rule.js";
import { type Address, inRange, type Range, readRange, type Surroundings } from "./packet.js";

/** The machine's own addresses and its way to others, compiled. */
export interface Network {
  /** Whether the machine itself answers on an address. */
  isLocal(address: Address): boolean;
  /** Interface an address is reached by: `lo` for the machine's own. */
  interfaceTo(address: Address): string;
  /** First address of an interface in a family, undefined when it has none. */
  addressOf(name: string, family: Family): Address | undefined;
  /** Address the machine speaks from to one of its own. */
  sourceTo(address: Address): Address;
  /** Interface by which packets for one of the machine's addresses usually come in. */
  homeOf(address: Address): string;
}

const LOOPBACK_V4 = { address: { bytes: [127, 0, 0, 1], family: "ipv4", text: "127.0.0.1" }, bits: 8 } as const;
const LOOPBACK_V6_BYTES = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1] as const;
const LOOPBACK_V6 = { address: { bytes: LOOPBACK_V6_BYTES, family: "ipv6", text: "::1" }, bits: 128 } as const;

/** Where the kernel sends a locally redirected packet. */
export const LOOPBACK: Readonly<Record<Family, Address>> = { ipv4: LOOPBACK_V4.address, ipv6: LOOPBACK_V6.address };

interface Attached {
  readonly name: string;
  readonly range: Range;
}

/** Compiles surroundings. */
export function compileNetwork({ interfaces }: Surroundings): Network {
  const attached: Attached[] = interfaces.flatMap(({ name, addresses }) =>
    addresses.flatMap((text) => {
      const range = readRange(text);
      return range === undefined ? [] : [{ name, range }];
    }),
  );
  const loopbacks: readonly Range[] = [LOOPBACK_V4, LOOPBACK_V6];
  const same = (a: Address, b: Address): boolean => a.text === b.text;
  const isLocal = (address: Address): boolean =>
    loopbacks.some((range) => inRange(address, range)) || attached.some(({ range }) => same(address, range.address));
  const uplink = interfaces.find(({ name }) => name !== "lo")?.name ?? "eth0";
  return {
    isLocal,
    interfaceTo(address) {
      if (isLocal(address)) return "lo";
      let best: Attached | undefined;
      for (const one of attached) {
        if (inRange(address, one.range) && (best === undefined || one.range.bits > best.range.bits)) best = one;
      }
      return best?.name ?? uplink;
    },
    addressOf(name, family) {
      if (name === "lo") return LOOPBACK[family];
      return attached.find((one) => one.name === name && one.range.address.family === family)?.range.address;
    },
    sourceTo: (address) => (inRange(address, LOOPBACK_V4) ? LOOPBACK.ipv4 : address),
    homeOf: (address) => attached.find(({ range }) => same(range.address, address))?.name ?? uplink,
  };
}

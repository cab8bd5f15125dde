import { type Address, masked, parseAddress, type Range } from "../match/address.js";
import { transportOf } from "../match/connection-input.js";
import { isLocal } from "../match/source-type.js";
import type { Connection } from "../request.js";
import type { Criteria, SourceType } from "./criteria.js";

/** Ranges of one family and length. */
interface RangeGroup<T> {
  readonly family: 4 | 6;
  readonly length: number;
  readonly values: Map<string, T>;
}

/** A map from ranges to values; a look-up takes the longest range only. */
class RangeMap<T> {
  readonly #any: { value: T | undefined } = { value: undefined };
  readonly #byLength: RangeGroup<T>[] = [];

  get(range: Range | undefined): T | undefined {
    if (range === undefined) return this.#any.value;
    return this.#group(range.family, range.length)?.values.get(range.bytes.join("."));
  }

  set(range: Range | undefined, value: T): void {
    if (range === undefined) {
      this.#any.value = value;
      return;
    }
    let group = this.#group(range.family, range.length);
    if (group === undefined) {
      group = { family: range.family, length: range.length, values: new Map() };
      this.#byLength.push(group);
      this.#byLength.sort((a, b) => b.length - a.length);
    }
    group.values.set(range.bytes.join("."), value);
  }

  find(address: Address | undefined): T | undefined {
    if (address !== undefined) {
      for (const { family, length, values } of this.#byLength) {
        if (family !== address.family) continue;
        const value = values.get(masked(address.bytes, length).join("."));
        if (value !== undefined) return value;
      }
    }
    return this.#any.value;
  }

  #group(family: 4 | 6, length: number): RangeGroup<T> | undefined {
    return this.#byLength.find((group) => group.family === family && group.length === length);
  }
}

type Leaf = Map<number, number>;
type Sources = RangeMap<Leaf>;
type Types = Map<SourceType, Sources>;
type DirectSources = RangeMap<Types>;
type Protocols = Map<string, DirectSources>;
type Transports = Map<string, Protocols>;
type Names = Map<string, Transports>;
type Destinations = RangeMap<Names>;

interface MapLike<K, V> {
  get(key: K): V | undefined;
  set(key: K, value: V): unknown;
}

function child<K, V>(map: MapLike<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}

/** One level of a look-up, as a trace shows it. */
export interface ChainStep {
  /** Which criterion. */
  readonly criterion: string;
  /** The entry taken, `any` for the one that asks nothing, or `none`. */
  readonly taken: string;
}

/**
 * The criteria of all chains, level by level. A look-up takes the most specific entry of each level and never comes back: a dead end is
 * the end.
 *
 * @see https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/config/listener/v3/listener_components.proto#config-listener-v3-filterchainmatch
 */
export class ChainTree {
  readonly #ports = new Map<number, Destinations>();

  /** Enters a chain; false if one of its combinations is taken already. */
  add(criteria: Criteria, chain: number): boolean {
    let fresh = true;
    const destinations = child(this.#ports, criteria.port, () => new RangeMap<Names>());
    for (const destination of criteria.destinations) {
      const names: Names = child(destinations, destination, () => new Map());
      for (const name of criteria.serverNames) {
        const transports: Transports = child(names, name, () => new Map());
        const protocols: Protocols = child(transports, criteria.transport, () => new Map());
        for (const protocol of criteria.protocols) {
          const directs: DirectSources = child(protocols, protocol, () => new RangeMap<Types>());
          for (const direct of criteria.directSources) {
            const types: Types = child(directs, direct, () => new Map());
            const sources: Sources = child(types, criteria.sourceType, () => new RangeMap<Leaf>());
            for (const source of criteria.sources) {
              const leaf: Leaf = child(sources, source, () => new Map());
              for (const port of criteria.sourcePorts) {
                if (leaf.has(port)) fresh = false;
                else leaf.set(port, chain);
              }
            }
          }
        }
      }
    }
    return fresh;
  }

  /** The chain for a connection; `trace` collects the way there. */
  find(connection: Connection, trace?: ChainStep[]): number | undefined {
    const note = <T>(criterion: string, taken: string, value: T | undefined): T | undefined => {
      trace?.push({ criterion, taken: value === undefined ? "none" : taken });
      return value;
    };
    const port = connection.destinationPort ?? 0;
    const byPort = this.#ports.get(port);
    const destinations = note(
      "destination port",
      byPort === undefined ? "any" : String(port),
      byPort ?? this.#ports.get(0),
    );
    const destination = connection.destinationAddress ?? "";
    const names = note("destination address", destination, destinations?.find(parseAddress(destination)));
    const transports =
      names === undefined ? undefined : note("server name", connection.serverName ?? "", findName(names, connection));
    const transport = transportOf(connection);
    const protocols = note("transport protocol", transport, transports?.get(transport) ?? transports?.get(""));
    const asked = connection.applicationProtocols ?? [];
    const directs = note("application protocol", asked.join(","), findProtocol(protocols, asked));
    const direct = connection.directSourceAddress ?? connection.sourceAddress ?? "";
    const types = note("direct source address", direct, directs?.find(parseAddress(direct)));
    const local = isLocal(connection) ? "SAME_IP_OR_LOOPBACK" : "EXTERNAL";
    const sources = note("source type", local, types?.get(local) ?? types?.get("ANY"));
    const source = connection.sourceAddress ?? "";
    const leaf = note("source address", source, sources?.find(parseAddress(source)));
    const sourcePort = connection.sourcePort ?? 0;
    return note("source port", String(sourcePort), leaf?.get(sourcePort) ?? leaf?.get(0));
  }
}

function findName(names: Names, connection: Connection): Transports | undefined {
  const name = (connection.serverName ?? "").toLowerCase();
  const exact = names.get(name);
  if (exact !== undefined) return exact;
  for (let dot = name.indexOf(".", 1); dot >= 0 && dot < name.length - 1; dot = name.indexOf(".", dot + 1)) {
    const suffix = names.get(name.slice(dot));
    if (suffix !== undefined) return suffix;
  }
  return names.get("");
}

function findProtocol(protocols: Protocols | undefined, asked: readonly string[]): DirectSources | undefined {
  for (const protocol of asked) {
    const found = protocols?.get(protocol);
    if (found !== undefined) return found;
  }
  return protocols?.get("");
}

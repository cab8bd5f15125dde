/** Listeners and connections, with the filter chain a real Envoy took. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Connection, compileListener, type FilterChains } from "@weftmesh/router";
import { readListener } from "./router-input.js";
import type { Case, Suite } from "./suite.js";

interface ConnectionJson {
  readonly destination: string;
  readonly destination_port: number;
  readonly source: string;
  readonly source_port: number;
  readonly direct_source: string;
  readonly tls?: { readonly server_name: string | null; readonly alpn: readonly string[] };
  readonly first_bytes?: string;
}

interface ListenerJson {
  readonly id: string;
  readonly filter_chains: readonly object[];
  readonly default_filter_chain: boolean;
  readonly http_inspector: boolean;
}

interface ListenerFile {
  readonly listeners: readonly (ListenerJson & {
    readonly cases: readonly { readonly connection: ConnectionJson; readonly chain: string | null }[];
  })[];
  readonly rejected: readonly (ListenerJson & { readonly reason: string })[];
}

export const suite: Suite = {
  name: "envoy_filter_chain",
  *cases(dir) {
    for (const name of readdirSync(dir).sort()) {
      if (!name.endsWith(".json")) continue;
      const file = JSON.parse(readFileSync(join(dir, name), "utf8")) as Partial<ListenerFile>;
      if (file.listeners === undefined) {
        yield { name, run: () => ({ ok: false, expected: "listeners", got: Object.keys(file) }) };
        continue;
      }
      for (const listener of file.listeners) yield* listenerCases(listener);
      for (const listener of file.rejected ?? []) yield rejectedCase(listener);
    }
  },
};

function compile(listener: ListenerJson): FilterChains {
  const config = {
    name: listener.id,
    address: { socket_address: { address: "127.0.0.1", port_value: 0 } },
    filter_chains: listener.filter_chains,
    ...(listener.default_filter_chain ? { default_filter_chain: { name: "default" } } : {}),
  };
  return compileListener(readListener(config));
}

function* listenerCases(listener: ListenerFile["listeners"][number]): Iterable<Case> {
  let compiled: FilterChains | undefined;
  for (const [i, { connection, chain }] of listener.cases.entries()) {
    yield {
      name: `${listener.id} ${i}: ${connection.source} to ${connection.destination}:${connection.destination_port}`,
      run() {
        compiled ??= compile(listener);
        const match = compiled.match(factsOf(connection, listener.http_inspector));
        const got = match.kind === "chain" ? match.name : null;
        return got === chain ? { ok: true } : { ok: false, expected: chain, got };
      },
    };
  }
}

function rejectedCase(listener: ListenerFile["rejected"][number]): Case {
  return {
    name: `${listener.id}: ${listener.reason}`,
    run() {
      try {
        compile(listener);
      } catch {
        return { ok: true };
      }
      return { ok: false, expected: "refused", got: "accepted" };
    },
  };
}

/** What the listener filters make of a connection: the TLS inspector always runs, the HTTP inspector if the listener has it. */
function factsOf(connection: ConnectionJson, httpInspector: boolean): Connection {
  const { tls } = connection;
  return {
    sourceAddress: connection.source,
    sourcePort: connection.source_port,
    directSourceAddress: connection.direct_source,
    destinationAddress: connection.destination,
    destinationPort: connection.destination_port,
    serverName: tls?.server_name?.toLowerCase(),
    transportProtocol: tls === undefined ? "raw_buffer" : "tls",
    applicationProtocols: tls === undefined ? (httpInspector ? inspected(connection.first_bytes ?? "") : []) : tls.alpn,
  };
}

function inspected(firstBytes: string): readonly string[] {
  if (firstBytes.startsWith("PRI * HTTP/2.0\r\n")) return ["h2c"];
  const version = /^[A-Z]+ [^ \r\n]+ HTTP\/(1\.[01])\r?\n/.exec(firstBytes)?.[1];
  return version === undefined ? [] : [`http/${version}`];
}

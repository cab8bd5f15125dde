import { type NamedConfig, typeName } from "../extension.js";
import type { Connection } from "../request.js";
import { isLocal } from "./source-type.js";

/** Reads a fact about a connection; `undefined` if it is not known. */
export type ConnectionInput = (connection: Connection) => string | undefined;

const network = "envoy.extensions.matching.common_inputs.network.v3.";
const ssl = "envoy.extensions.matching.common_inputs.ssl.v3.";

const inputs: Readonly<Record<string, ConnectionInput>> = {
  [`${network}DestinationIPInput`]: (c) => c.destinationAddress,
  [`${network}DestinationPortInput`]: (c) => c.destinationPort?.toString(),
  [`${network}SourceIPInput`]: (c) => c.sourceAddress,
  [`${network}SourcePortInput`]: (c) => c.sourcePort?.toString(),
  [`${network}DirectSourceIPInput`]: (c) => c.directSourceAddress ?? c.sourceAddress,
  [`${network}SourceTypeInput`]: (c) => (isLocal(c) ? "local" : undefined),
  [`${network}ServerNameInput`]: (c) => (c.serverName === "" ? undefined : c.serverName),
  [`${network}TransportProtocolInput`]: (c) => transportOf(c),
  [`${network}ApplicationProtocolInput`]: (c) =>
    c.applicationProtocols === undefined || c.applicationProtocols.length === 0
      ? undefined
      : c.applicationProtocols.map((name) => `'${name}'`).join(","),
  [`${ssl}UriSanInput`]: (c) => joined(c.tls?.uriSans),
  [`${ssl}DnsSanInput`]: (c) => joined(c.tls?.dnsSans),
  [`${ssl}SubjectInput`]: (c) => (c.tls?.subject === "" ? undefined : c.tls?.subject),
};

/** The transport protocol as listener filters leave it. */
export function transportOf(connection: Connection): string {
  return connection.transportProtocol ?? (connection.tls === undefined ? "raw_buffer" : "tls");
}

function joined(names: readonly string[] | undefined): string | undefined {
  return names === undefined || names.length === 0 ? undefined : names.join(",");
}

/** Compiles an input that reads a connection; `undefined` if it is not one. */
export function compileConnectionInput(config: NamedConfig): ConnectionInput | undefined {
  const type = typeName(config.typedConfig);
  return Object.hasOwn(inputs, type) ? inputs[type] : undefined;
}

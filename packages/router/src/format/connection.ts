import type { Connection, TlsFacts } from "../request.js";
import { formattedTime } from "./start-time.js";
import type { Value } from "./values.js";

type Read = (connection: Connection, tls: TlsFacts | undefined) => string | undefined;

/** An address with its port; IPv6 in brackets. */
export function socketText(host: string | undefined, port: number | undefined): string | undefined {
  if (host === undefined || port === undefined) return host;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function joined(names: readonly string[] | undefined): string | undefined {
  return names === undefined || names.length === 0 ? undefined : names.join(",");
}

/** Commands that read the connection, and those that read an upstream there is not yet. */
const reads: Readonly<Record<string, Read>> = {
  DOWNSTREAM_REMOTE_ADDRESS: (c) => socketText(c.sourceAddress, c.sourcePort),
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: (c) => c.sourceAddress,
  DOWNSTREAM_REMOTE_PORT: (c) => c.sourcePort?.toString(),
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS: (c) =>
    socketText(c.directSourceAddress ?? c.sourceAddress, c.directSourcePort ?? c.sourcePort),
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: (c) => c.directSourceAddress ?? c.sourceAddress,
  DOWNSTREAM_DIRECT_REMOTE_PORT: (c) => (c.directSourcePort ?? c.sourcePort)?.toString(),
  DOWNSTREAM_LOCAL_ADDRESS: (c) => socketText(c.destinationAddress, c.destinationPort),
  DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: (c) => c.destinationAddress,
  DOWNSTREAM_LOCAL_PORT: (c) => c.destinationPort?.toString(),
  DOWNSTREAM_DIRECT_LOCAL_ADDRESS: (c) => socketText(c.destinationAddress, c.destinationPort),
  DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT: (c) => c.destinationAddress,
  DOWNSTREAM_DIRECT_LOCAL_PORT: (c) => c.destinationPort?.toString(),
  DOWNSTREAM_PEER_URI_SAN: (_, tls) => joined(tls?.uriSans),
  DOWNSTREAM_PEER_DNS_SAN: (_, tls) => joined(tls?.dnsSans),
  DOWNSTREAM_PEER_IP_SAN: (_, tls) => joined(tls?.ipSans),
  DOWNSTREAM_PEER_EMAIL_SAN: (_, tls) => joined(tls?.emailSans),
  DOWNSTREAM_PEER_OTHERNAME_SAN: (_, tls) => joined(tls?.otherNameSans),
  DOWNSTREAM_PEER_CERT: (_, tls) => (tls?.certificate === undefined ? undefined : encodeURIComponent(tls.certificate)),
  DOWNSTREAM_PEER_SUBJECT: (_, tls) => tls?.subject,
  DOWNSTREAM_PEER_ISSUER: (_, tls) => tls?.issuer,
  DOWNSTREAM_PEER_SERIAL: (_, tls) => tls?.serial,
  DOWNSTREAM_PEER_FINGERPRINT_256: (_, tls) => tls?.fingerprint256,
  DOWNSTREAM_PEER_FINGERPRINT_1: (_, tls) => tls?.fingerprint1,
  DOWNSTREAM_TLS_VERSION: (_, tls) => tls?.version,
  DOWNSTREAM_TLS_CIPHER: (_, tls) => tls?.cipher,
  DOWNSTREAM_TLS_SESSION_ID: (_, tls) => tls?.sessionId,
  TLS_JA3_FINGERPRINT: (c) => c.ja3,
  TLS_JA4_FINGERPRINT: (c) => c.ja4,
  REQUESTED_SERVER_NAME: (c) => c.serverName,
  CONNECTION_ID: (c) => (c.id ?? 0).toString(),
};

/** Commands that are known and read something that does not exist when a request is routed. */
const unknownYet: ReadonlySet<string> = new Set([
  "BYTES_RETRANSMITTED",
  "CUSTOM_FLAGS",
  "DOWNSTREAM_HANDSHAKE_DURATION",
  "DOWNSTREAM_HEADER_BYTES_RECEIVED",
  "DOWNSTREAM_HEADER_BYTES_SENT",
  "DOWNSTREAM_LOCAL_CLOSE_REASON",
  "DOWNSTREAM_LOCAL_DNS_SAN",
  "DOWNSTREAM_LOCAL_EMAIL_SAN",
  "DOWNSTREAM_LOCAL_IP_SAN",
  "DOWNSTREAM_LOCAL_OTHERNAME_SAN",
  "DOWNSTREAM_LOCAL_SUBJECT",
  "DOWNSTREAM_LOCAL_URI_SAN",
  "DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1",
  "DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256",
  "DOWNSTREAM_PEER_CHAIN_SERIALS",
  "DOWNSTREAM_WIRE_BYTES_RECEIVED",
  "DOWNSTREAM_WIRE_BYTES_SENT",
  "EMIT_TIME",
  "PACKETS_RETRANSMITTED",
  "REQUEST_HEADERS_BYTES",
  "RESPONSE_HEADERS_BYTES",
  "RESPONSE_TRAILERS_BYTES",
  "ROUNDTRIP_DURATION",
  "SPAN_ID",
  "UPSTREAM_BYTES_RECEIVED",
  "UPSTREAM_BYTES_SENT",
  "UPSTREAM_CONNECTION_ID",
  "UPSTREAM_CONNECTION_POOL_READY_DURATION",
  "UPSTREAM_DETECTED_CLOSE_TYPE",
  "UPSTREAM_HEADER_BYTES_RECEIVED",
  "UPSTREAM_HEADER_BYTES_SENT",
  "UPSTREAM_HOST",
  "UPSTREAM_HOST_NAME",
  "UPSTREAM_HOST_NAME_WITHOUT_PORT",
  "UPSTREAM_HOSTS_ATTEMPTED",
  "UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT",
  "UPSTREAM_HOST_NAMES_ATTEMPTED",
  "UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT",
  "UPSTREAM_CONNECTION_IDS_ATTEMPTED",
  "UPSTREAM_LOCAL_ADDRESS",
  "UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT",
  "UPSTREAM_LOCAL_CLOSE_REASON",
  "UPSTREAM_LOCAL_DNS_SAN",
  "UPSTREAM_LOCAL_EMAIL_SAN",
  "UPSTREAM_LOCAL_IP_SAN",
  "UPSTREAM_LOCAL_PORT",
  "UPSTREAM_LOCAL_SUBJECT",
  "UPSTREAM_LOCAL_URI_SAN",
  "UPSTREAM_PEER_CERT",
  "UPSTREAM_PEER_CERT_V_END",
  "UPSTREAM_PEER_CERT_V_START",
  "UPSTREAM_PEER_DNS_SAN",
  "UPSTREAM_PEER_EMAIL_SAN",
  "UPSTREAM_PEER_IP_SAN",
  "UPSTREAM_PEER_ISSUER",
  "UPSTREAM_PEER_OTHERNAME_SAN",
  "UPSTREAM_PEER_SUBJECT",
  "UPSTREAM_PEER_URI_SAN",
  "UPSTREAM_PROTOCOL",
  "UPSTREAM_REMOTE_ADDRESS",
  "UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT",
  "UPSTREAM_REMOTE_PORT",
  "UPSTREAM_TLS_CIPHER",
  "UPSTREAM_TLS_SESSION_ID",
  "UPSTREAM_TLS_VERSION",
  "UPSTREAM_WIRE_BYTES_RECEIVED",
  "UPSTREAM_WIRE_BYTES_SENT",
]);

/** The value of a command about the connection or the upstream; `undefined` if there is no such command. */
export function connectionValue(name: string, argument: string | undefined): Value | undefined {
  if (name === "DOWNSTREAM_PEER_CERT_V_START")
    return formattedTime(argument ?? "", (input) => input.facts.request.connection?.tls?.validFrom);
  if (name === "DOWNSTREAM_PEER_CERT_V_END")
    return formattedTime(argument ?? "", (input) => input.facts.request.connection?.tls?.validTo);
  if (unknownYet.has(name)) return () => undefined;
  const read = Object.hasOwn(reads, name) ? reads[name] : undefined;
  if (read === undefined) return undefined;
  return (input) => {
    const { connection, remoteAddress } = input.facts.request;
    if (remoteAddress === undefined) return connection === undefined ? undefined : read(connection, connection.tls);
    const direct = { directSourceAddress: connection?.sourceAddress, directSourcePort: connection?.sourcePort };
    // An address out of x-forwarded-for has no port: Envoy shows 0.
    return read({ ...direct, ...connection, sourceAddress: remoteAddress, sourcePort: 0 }, connection?.tls);
  };
}

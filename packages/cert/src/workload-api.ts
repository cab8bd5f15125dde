import { DerReader } from "./der/reader.js";
import { CertError } from "./errors.js";
import { addressBytes } from "./ip-address.js";
import type { JsonValue } from "./json.js";
import { allBytes, decodeText, lastBytes, MessageWriter, readFields, text } from "./protobuf.js";

/** The methods of the Workload API; its service has no proto package. */
export const WORKLOAD_METHODS = {
  fetchX509Svid: "/SpiffeWorkloadAPI/FetchX509SVID",
  fetchX509Bundles: "/SpiffeWorkloadAPI/FetchX509Bundles",
  fetchJwtSvid: "/SpiffeWorkloadAPI/FetchJWTSVID",
  fetchJwtBundles: "/SpiffeWorkloadAPI/FetchJWTBundles",
  validateJwtSvid: "/SpiffeWorkloadAPI/ValidateJWTSVID",
} as const;

/** The header that every call must carry, so that no browser or proxy can be made to send one. */
export const WORKLOAD_HEADER = "workload.spiffe.io";

/** Where a workload endpoint is. */
export type WorkloadEndpoint = UnixEndpoint | TcpEndpoint;

/** An endpoint that is a Unix socket. */
export interface UnixEndpoint {
  /** Tells the two kinds apart. */
  readonly kind: "unix";
  /** The absolute path of the socket. */
  readonly path: string;
}

/** An endpoint that is a TCP port. */
export interface TcpEndpoint {
  /** Tells the two kinds apart. */
  readonly kind: "tcp";
  /** An IP address, without brackets. */
  readonly host: string;
  /** The port. */
  readonly port: number;
}

/**
 * Reads the address of a workload endpoint as `SPIFFE_ENDPOINT_SOCKET` holds it.
 *
 * @throws `CertError` `ERR_CERT_ENDPOINT`.
 * @see https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Workload_Endpoint.md#4-locating-the-endpoint
 */
export function parseEndpoint(address: string): WorkloadEndpoint {
  const fail = (problem: string): CertError => new CertError("ERR_CERT_ENDPOINT", "endpoint", problem);
  if (address.startsWith("unix:")) {
    const path = address.slice("unix:".length);
    // Two slashes would begin an authority, which there must not be: only unix:///path and unix:/path name a path.
    const absolute = path.startsWith("///") ? path.slice(2) : path;
    if (!/^\/[^/]/.test(absolute) || /[?#]/.test(absolute)) throw fail("expected unix:///absolute/path");
    return { kind: "unix", path: absolute };
  }
  const tcp = /^tcp:\/\/([\d.]+|\[[0-9a-fA-F:.]+\]):(\d{1,5})$/.exec(address);
  const host = tcp?.[1]?.replace(/^\[|\]$/g, "");
  const port = Number(tcp?.[2]);
  if (!host || !addressBytes(host) || port < 1 || port > 65_535) {
    throw fail("expected unix:///absolute/path or tcp://IP:port");
  }
  return { kind: "tcp", host, port };
}

/** One X509-SVID as the Workload API carries it. */
export interface WireSvid {
  readonly spiffeId: string;
  /** Certificates in DER, one after the other, leaf first. */
  readonly chain: Uint8Array;
  /** The key as PKCS#8 DER: secret. */
  readonly key: Uint8Array;
  /** The authorities of its trust domain in DER, one after the other. */
  readonly bundle: Uint8Array;
  /** For what the workload may use it, in words of whoever configured it. */
  readonly hint: string;
}

/** The whole state: what is not in it any more has been taken back. */
export interface X509SvidResponse {
  readonly svids: readonly WireSvid[];
  /** Revocation lists in DER, of whatever authorities. */
  readonly crls: readonly Uint8Array[];
  /** Authorities of other trust domains in DER, by the ID of the domain. */
  readonly federatedBundles: Readonly<Record<string, Uint8Array>>;
}

function writeMap(writer: MessageWriter, number: number, map: Readonly<Record<string, Uint8Array>>): MessageWriter {
  for (const [key, value] of Object.entries(map)) {
    writer.message(number, new MessageWriter().string(1, key).bytes(2, value).finish());
  }
  return writer;
}

function readMap(entries: readonly Uint8Array[]): Readonly<Record<string, Uint8Array>> {
  const map: Record<string, Uint8Array> = Object.create(null);
  for (const entry of entries) {
    const fields = readFields(entry);
    map[text(fields, 1)] = lastBytes(fields, 2) ?? new Uint8Array();
  }
  return map;
}

/** Writes an `X509SVIDResponse`. */
export function encodeX509SvidResponse(response: X509SvidResponse): Uint8Array {
  const writer = new MessageWriter();
  for (const { spiffeId, chain, key, bundle, hint } of response.svids) {
    const svid = new MessageWriter().string(1, spiffeId).bytes(2, chain).bytes(3, key).bytes(4, bundle).string(5, hint);
    writer.message(1, svid.finish());
  }
  for (const crl of response.crls) writer.message(2, crl);
  return writeMap(writer, 3, response.federatedBundles).finish();
}

/**
 * Reads an `X509SVIDResponse`.
 *
 * @throws `CertError` `ERR_CERT_SERVICE` if a mandatory field is empty: the message is then to be thrown away.
 */
export function decodeX509SvidResponse(bytes: Uint8Array): X509SvidResponse {
  const fields = readFields(bytes);
  const svids = allBytes(fields, 1).map((entry) => {
    const svid = readFields(entry);
    const part = (number: number): Uint8Array => lastBytes(svid, number) ?? new Uint8Array();
    const read = { spiffeId: text(svid, 1), chain: part(2), key: part(3), bundle: part(4), hint: text(svid, 5) };
    if (read.spiffeId === "" || [read.chain, read.key, read.bundle].some((value) => value.length === 0)) {
      throw new CertError("ERR_CERT_SERVICE", "svids", "a mandatory field is empty");
    }
    return read;
  });
  return { svids, crls: allBytes(fields, 2), federatedBundles: readMap(allBytes(fields, 3)) };
}

/** What peers are verified with, for whoever needs no identity. */
export interface X509BundlesResponse {
  /** Revocation lists in DER, of whatever authorities. */
  readonly crls: readonly Uint8Array[];
  /** Authorities in DER, one after the other, by the ID of their trust domain. */
  readonly bundles: Readonly<Record<string, Uint8Array>>;
}

/** Writes an `X509BundlesResponse`. */
export function encodeX509BundlesResponse(response: X509BundlesResponse): Uint8Array {
  const writer = new MessageWriter();
  for (const crl of response.crls) writer.message(1, crl);
  return writeMap(writer, 2, response.bundles).finish();
}

/** Reads an `X509BundlesResponse`. */
export function decodeX509BundlesResponse(bytes: Uint8Array): X509BundlesResponse {
  const fields = readFields(bytes);
  return { crls: allBytes(fields, 1), bundles: readMap(allBytes(fields, 2)) };
}

/** Writes a `JWTBundlesResponse`. */
export function encodeJwtBundlesResponse(bundles: Readonly<Record<string, Uint8Array>>): Uint8Array {
  return writeMap(new MessageWriter(), 1, bundles).finish();
}

/** Reads a `JWTBundlesResponse`: a set of keys for each trust domain. */
export function decodeJwtBundlesResponse(bytes: Uint8Array): Readonly<Record<string, Uint8Array>> {
  return readMap(allBytes(readFields(bytes), 1));
}

/** A request for a token, or for one's validation: both begin with audiences. */
export interface JwtSvidRequest {
  readonly audience: readonly string[];
  /** The ID wanted; empty for all. */
  readonly spiffeId: string;
}

/** Reads a `JWTSVIDRequest`. */
export function decodeJwtSvidRequest(bytes: Uint8Array): JwtSvidRequest {
  const fields = readFields(bytes);
  return { audience: allBytes(fields, 1).map(decodeText), spiffeId: text(fields, 2) };
}

/** Writes a `JWTSVIDRequest`. */
export function encodeJwtSvidRequest(request: JwtSvidRequest): Uint8Array {
  return new MessageWriter().strings(1, request.audience).string(2, request.spiffeId).finish();
}

/** Writes a `JWTSVIDResponse` of one token. */
export function encodeJwtSvidResponse(spiffeId: string, token: string): Uint8Array {
  return new MessageWriter().message(1, new MessageWriter().string(1, spiffeId).string(2, token).finish()).finish();
}

/** One token of a `JWTSVIDResponse`. */
export interface WireJwt {
  readonly spiffeId: string;
  readonly token: string;
  readonly hint: string;
}

/** Reads the tokens of a `JWTSVIDResponse`. */
export function decodeJwtSvidResponse(bytes: Uint8Array): readonly WireJwt[] {
  return allBytes(readFields(bytes), 1).map((entry) => {
    const svid = readFields(entry);
    return { spiffeId: text(svid, 1), token: text(svid, 2), hint: text(svid, 3) };
  });
}

/** Reads a `ValidateJWTSVIDRequest`. */
export function decodeValidateRequest(bytes: Uint8Array): { readonly audience: string; readonly token: string } {
  const fields = readFields(bytes);
  return { audience: text(fields, 1), token: text(fields, 2) };
}

function encodeDouble(value: number): Uint8Array {
  const bytes = new Uint8Array(9);
  bytes[0] = (2 << 3) | 1;
  new DataView(bytes.buffer).setFloat64(1, value, true);
  return bytes;
}

/** Writes a `google.protobuf.Value`. */
function encodeValue(value: JsonValue): Uint8Array {
  if (value === null) return Uint8Array.of(1 << 3, 0);
  if (typeof value === "boolean") return Uint8Array.of(4 << 3, value ? 1 : 0);
  if (typeof value === "string") return new MessageWriter().strings(3, [value]).finish();
  if (typeof value === "number" || typeof value === "bigint") return encodeDouble(Number(value));
  if (Array.isArray(value)) {
    const list = new MessageWriter();
    for (const entry of value) list.message(1, encodeValue(entry));
    return new MessageWriter().message(6, list.finish()).finish();
  }
  return new MessageWriter().message(5, encodeStruct(value as { readonly [name: string]: JsonValue })).finish();
}

function encodeStruct(members: { readonly [name: string]: JsonValue }): Uint8Array {
  const struct = new MessageWriter();
  for (const [name, value] of Object.entries(members)) {
    struct.message(1, new MessageWriter().string(1, name).message(2, encodeValue(value)).finish());
  }
  return struct.finish();
}

/** Writes a `ValidateJWTSVIDResponse`. */
export function encodeValidateResponse(spiffeId: string, claims: { readonly [name: string]: JsonValue }): Uint8Array {
  return new MessageWriter().string(1, spiffeId).message(2, encodeStruct(claims)).finish();
}

/** Takes DER elements apart that stand one after the other. */
export function splitDer(bytes: Uint8Array, path: string): readonly Uint8Array[] {
  const reader = new DerReader(bytes, path);
  const elements: Uint8Array[] = [];
  while (!reader.done) elements.push(reader.next().bytes);
  return elements;
}

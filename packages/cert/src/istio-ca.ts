import { type Certificate, parseCertificates } from "./certificate.js";
import { CertError } from "./errors.js";
import { formatPem } from "./pem.js";
import { allBytes, decodeText, int64, lastBytes, MessageWriter, readFields, text } from "./protobuf.js";
import type { IssuedChain } from "./source.js";
import { SpiffeId } from "./spiffe-id.js";
import { bundleSet, trustBundle } from "./trust-bundle.js";
import { leafId } from "./x509-svid.js";

/** The path of the one method of `istio.v1.auth.IstioCertificateService`. */
export const CREATE_CERTIFICATE = "/istio.v1.auth.IstioCertificateService/CreateCertificate";

/** A request for a certificate. */
export interface CreateCertificateRequest {
  /** The signing request in PEM. */
  readonly csr: string;
  /** The lifetime asked for, in seconds; zero or less leaves it to the CA. */
  readonly validitySeconds: number;
  /** The string members of the metadata, such as `ImpersonatedIdentity`. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Reads the string members of a `google.protobuf.Struct`; others do not concern the CA. */
function readStruct(bytes: Uint8Array): Readonly<Record<string, string>> {
  const members: Record<string, string> = Object.create(null);
  for (const entry of allBytes(readFields(bytes), 1)) {
    const fields = readFields(entry);
    const value = lastBytes(readFields(lastBytes(fields, 2) ?? new Uint8Array()), 3);
    if (value) members[text(fields, 1)] = decodeText(value);
  }
  return members;
}

function writeStruct(members: Readonly<Record<string, string>>): Uint8Array {
  const struct = new MessageWriter();
  for (const [key, value] of Object.entries(members)) {
    // A string value is written even when it is empty: it is a member of a oneof.
    const wrapped = new MessageWriter().strings(3, [value]).finish();
    struct.message(1, new MessageWriter().string(1, key).message(2, wrapped).finish());
  }
  return struct.finish();
}

/**
 * Reads an `IstioCertificateRequest`.
 *
 * @throws {@link CertError} `ERR_CERT_SERVICE` if it is no such message.
 * @see https://github.com/istio/api/blob/master/security/v1alpha1/ca.proto
 */
export function decodeCreateCertificateRequest(bytes: Uint8Array): CreateCertificateRequest {
  const fields = readFields(bytes);
  const metadata = lastBytes(fields, 4);
  return {
    csr: text(fields, 1),
    validitySeconds: Number(int64(fields, 3)),
    metadata: metadata ? readStruct(metadata) : {},
  };
}

/** Writes an `IstioCertificateRequest`. */
export function encodeCreateCertificateRequest(request: CreateCertificateRequest): Uint8Array {
  const writer = new MessageWriter().string(1, request.csr).int64(3, BigInt(Math.trunc(request.validitySeconds)));
  if (Object.keys(request.metadata).length > 0) writer.message(4, writeStruct(request.metadata));
  return writer.finish();
}

/** Writes an `IstioCertificateResponse`: the leaf, each intermediate, and all roots as one last string. */
export function encodeCreateCertificateResponse(
  chain: readonly Certificate[],
  roots: readonly Certificate[],
): Uint8Array {
  const pem = (certificate: Certificate): string => formatPem("CERTIFICATE", certificate.der);
  return new MessageWriter().strings(1, [...chain.map(pem), roots.map(pem).join("")]).finish();
}

/**
 * Reads an `IstioCertificateResponse`. The roots are those of the leaf's own trust domain: the message cannot carry others.
 *
 * @throws {@link CertError} `ERR_CERT_SERVICE` if there is no root besides the leaf, and what a certificate that is none throws.
 */
export function decodeCreateCertificateResponse(bytes: Uint8Array): IssuedChain {
  const parts = allBytes(readFields(bytes), 1).map(decodeText);
  const roots = parts.at(-1);
  if (parts.length < 2 || roots === undefined) {
    throw new CertError(
      "ERR_CERT_SERVICE",
      "cert_chain",
      `expected a leaf and the roots, got ${parts.length} elements`,
    );
  }
  const chain = parts.slice(0, -1).flatMap((part, index) => parseCertificates(part, `cert_chain[${index}]`));
  const [leaf] = chain;
  if (!leaf) throw new CertError("ERR_CERT_CHAIN_EMPTY", "cert_chain", "there is no leaf");
  const trustDomain = SpiffeId.trustDomain(leafId(leaf));
  return { chain, bundles: bundleSet(trustBundle(trustDomain, parseCertificates(roots, "cert_chain.roots"))) };
}

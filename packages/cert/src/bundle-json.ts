import { decodeBase64, decodeBase64Url, encodeBase64, encodeBase64Url } from "./base64.js";
import { type Certificate, parseCertificate } from "./certificate.js";
import { CertError } from "./errors.js";
import { isJsonObject, type JsonValue, parseJson } from "./json.js";
import { hasPrivateMembers, isKnownKeyType, isSameKey, publicMembers } from "./jwk.js";
import { curves, rsaNumbers } from "./public-key.js";
import { TrustDomain } from "./spiffe-id.js";
import { type BundleSet, bundleSet, type JwtAuthority, type TrustBundle } from "./trust-bundle.js";

const MAX_SEQUENCE = 0xffff_ffff_ffff_ffffn;

/** Told about what was wrong with a bundle but did not make it unusable. */
export type OnWarning = (warning: CertError) => void;

function unsigned(
  value: JsonValue | undefined,
  max: bigint,
  code: "ERR_CERT_BUNDLE_SEQUENCE" | "ERR_CERT_BUNDLE_REFRESH_HINT",
  path: string,
): bigint | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "bigint" && value >= 0n && value <= max) return value;
  throw new CertError(code, path, `expected an integer from 0 to ${max}`);
}

/** The certificate of an entry; `undefined` if there is none, which means that the entry is to be passed over. */
function entryCertificate(value: JsonValue | undefined, path: string): Certificate | undefined {
  if (value === undefined || value === null) return undefined;
  const fail = (problem: string): CertError => new CertError("ERR_CERT_BUNDLE_X5C", path, problem);
  if (!Array.isArray(value)) throw fail("expected an array");
  // Of several only the first counts (X509-SVID 6.2).
  const [first] = value;
  if (first === undefined) return undefined;
  const der = typeof first === "string" ? decodeBase64(first) : undefined;
  if (der === undefined) throw fail("expected base64 of DER");
  try {
    return parseCertificate(der, path);
  } catch (error) {
    if (error instanceof CertError) throw new CertError("ERR_CERT_BUNDLE_X5C", path, error.problem);
    throw error;
  }
}

function keyIdOf(entry: { readonly [name: string]: JsonValue }, path: string): string {
  const kid = entry["kid"];
  if (typeof kid === "string" && kid !== "") return kid;
  throw new CertError("ERR_CERT_BUNDLE_KEY_ID", `${path}.kid`, "a key for tokens must have an ID");
}

function readBundle(
  document: JsonValue,
  trustDomain: TrustDomain,
  path: string,
  onWarning: OnWarning | undefined,
): TrustBundle {
  if (!isJsonObject(document)) throw new CertError("ERR_CERT_BUNDLE_FORMAT", path, "expected a JSON object");
  const keys = document["keys"];
  if (!Array.isArray(keys)) {
    // An empty list says "trust nothing any more"; a missing one says that this is no bundle.
    throw new CertError("ERR_CERT_BUNDLE_FORMAT", `${path}.keys`, "expected an array");
  }
  const x509Authorities: Certificate[] = [];
  const jwtAuthorities: JwtAuthority[] = [];
  const witAuthorities: JwtAuthority[] = [];
  keys.forEach((entry: JsonValue, index) => {
    const where = `${path}.keys[${index}]`;
    if (!isJsonObject(entry)) throw new CertError("ERR_CERT_BUNDLE_KEY", where, "expected a JSON object");
    const use = entry["use"];
    if ((use !== "x509-svid" && use !== "jwt-svid" && use !== "wit-svid") || !isKnownKeyType(entry)) return;
    if (hasPrivateMembers(entry)) {
      onWarning?.(
        new CertError("ERR_CERT_BUNDLE_PRIVATE_KEY", where, "a private key is published here; it is not read"),
      );
    }
    if (use === "x509-svid") {
      const certificate = entryCertificate(entry["x5c"], `${where}.x5c`);
      if (!certificate) return;
      if (!isSameKey(publicMembers(entry, where), certificate.publicKey)) {
        throw new CertError("ERR_CERT_BUNDLE_KEY_MISMATCH", where, "the certificate is for another key than the entry");
      }
      x509Authorities.push(certificate);
      return;
    }
    const authority = { keyId: keyIdOf(entry, where), jwk: publicMembers(entry, where) };
    if (use === "wit-svid" && witAuthorities.some(({ keyId }) => keyId === authority.keyId)) {
      throw new CertError("ERR_CERT_BUNDLE_KEY_ID", `${where}.kid`, "two keys for WIT-SVIDs have this ID");
    }
    (use === "jwt-svid" ? jwtAuthorities : witAuthorities).push(authority);
  });
  const sequence = unsigned(
    document["spiffe_sequence"],
    MAX_SEQUENCE,
    "ERR_CERT_BUNDLE_SEQUENCE",
    `${path}.spiffe_sequence`,
  );
  const hint = unsigned(
    document["spiffe_refresh_hint"],
    BigInt(Number.MAX_SAFE_INTEGER),
    "ERR_CERT_BUNDLE_REFRESH_HINT",
    `${path}.spiffe_refresh_hint`,
  );
  return {
    trustDomain,
    x509Authorities,
    jwtAuthorities,
    witAuthorities,
    sequence,
    refreshHintSeconds: hint === undefined ? undefined : Number(hint),
  };
}

/**
 * Reads a SPIFFE bundle document.
 *
 * @param trustDomain - Whose bundle it is: the document does not say.
 * @param onWarning - Told about a published private key, which is not read.
 * @throws {@link CertError} `ERR_CERT_JSON…`, `ERR_CERT_BUNDLE_…`.
 * @see https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Trust_Domain_and_Bundle.md#4-spiffe-bundle-format
 */
export function parseBundle(text: string, trustDomain: TrustDomain, onWarning?: OnWarning): TrustBundle {
  return readBundle(parseJson(text, "bundle"), trustDomain, "bundle", onWarning);
}

/**
 * Reads a bundle map: bundles of several trust domains, with their names. Refresh hints inside it do not count.
 *
 * @throws {@link CertError} `ERR_CERT_JSON_DUPLICATE` if a trust domain stands there twice, and what {@link parseBundle} throws.
 */
export function parseBundleMap(text: string, onWarning?: OnWarning): BundleSet {
  const document = parseJson(text, "bundle_map");
  const domains = isJsonObject(document) ? document["trust_domains"] : undefined;
  if (!isJsonObject(domains)) {
    throw new CertError("ERR_CERT_BUNDLE_FORMAT", "bundle_map.trust_domains", "expected a JSON object");
  }
  const bundles = Object.entries(domains).map(([name, bundle]) => {
    const path = `bundle_map.trust_domains[${JSON.stringify(name.slice(0, 255))}]`;
    // A name in the map is a name, not an ID.
    if (name.includes("/")) throw new CertError("ERR_CERT_ID_TRUST_DOMAIN_CHAR", path, "expected a trust domain name");
    const read = readBundle(bundle, TrustDomain.parse(name, path), path, onWarning);
    return { ...read, refreshHintSeconds: undefined };
  });
  return bundleSet(...bundles);
}

function certificateMembers({ publicKey: key }: Certificate): Readonly<Record<string, string>> {
  const curve = curves[key.curve];
  if (key.kind === "rsa") {
    const { n, e } = rsaNumbers(key.bits, "x5c");
    return { kty: "RSA", n: encodeBase64Url(n), e: encodeBase64Url(e) };
  }
  if (key.kind === "ed25519") return { kty: "OKP", crv: "Ed25519", x: encodeBase64Url(key.bits) };
  const coordinates = key.bits.subarray(1);
  const half = coordinates.length / 2;
  return {
    kty: "EC",
    crv: curve?.name ?? key.curve,
    x: encodeBase64Url(coordinates.subarray(0, half)),
    y: encodeBase64Url(coordinates.subarray(half)),
  };
}

/** Only public members are written, whatever somebody put into the key. */
function tokenKeys(use: string, keys: readonly JwtAuthority[]): readonly object[] {
  return keys.map(({ keyId, jwk }) => ({ use, kid: keyId, ...publicMembers(jwk, keyId) }));
}

/** Writes a bundle as a SPIFFE bundle document. */
export function formatBundle(bundle: TrustBundle): string {
  const keys = [
    ...bundle.x509Authorities.map((certificate) => ({
      use: "x509-svid",
      ...certificateMembers(certificate),
      x5c: [encodeBase64(certificate.der)],
    })),
    ...tokenKeys("jwt-svid", bundle.jwtAuthorities),
    ...tokenKeys("wit-svid", bundle.witAuthorities),
  ];
  const members = [`"keys":${JSON.stringify(keys)}`];
  // A sequence number may be larger than what JSON.stringify can write.
  if (bundle.sequence !== undefined) members.push(`"spiffe_sequence":${bundle.sequence}`);
  if (bundle.refreshHintSeconds !== undefined) members.push(`"spiffe_refresh_hint":${bundle.refreshHintSeconds}`);
  return `{${members.join(",")}}`;
}

/** The bytes of an unsigned number of a JSON web key, for whoever measures it. */
export function memberBits(members: JwtAuthority["jwk"], name: string): number {
  const bytes = decodeBase64Url(members[name] ?? "") ?? new Uint8Array();
  const from = bytes.findIndex((byte) => byte !== 0);
  return from < 0 ? 0 : (bytes.length - from) * 8 - (Math.clz32(bytes[from] ?? 0) - 24);
}

/** What to do with a bundle that was fetched, given the one that is in use. */
export interface Supersession {
  /** `replace`: use the new one. `keep`: the old one stays. */
  readonly action: "replace" | "keep";
  /** What somebody should look at; `undefined` if all is as it should be. */
  readonly alarm: "sequence-went-back" | "same-sequence-other-content" | undefined;
}

/**
 * Decides between a bundle in use and one that was fetched just now. An older sequence number is a replay or a roll-back
 * and is not followed; the same number with other content is followed, for the endpoint was authenticated, but told.
 */
export function supersede(have: TrustBundle, got: TrustBundle): Supersession {
  if (have.sequence === undefined || got.sequence === undefined || got.sequence > have.sequence) {
    return { action: "replace", alarm: undefined };
  }
  if (got.sequence < have.sequence) return { action: "keep", alarm: "sequence-went-back" };
  const same = formatBundle(have) === formatBundle(got);
  return same ? { action: "keep", alarm: undefined } : { action: "replace", alarm: "same-sequence-other-content" };
}

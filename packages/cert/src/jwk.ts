import { decodeBase64Url } from "./base64.js";
import { sameBytes } from "./certificate.js";
import { CertError } from "./errors.js";
import type { JsonValue } from "./json.js";
import { curves, type KeyInfo, rsaNumbers } from "./public-key.js";
import type { JwtAuthority } from "./trust-bundle.js";

type JsonObject = { readonly [name: string]: JsonValue };

/** The public members of each kind of key; anything else, private members above all, is not read. */
const PUBLIC_MEMBERS: Readonly<Record<string, readonly string[]>> = {
  EC: ["kty", "crv", "x", "y"],
  RSA: ["kty", "n", "e"],
  OKP: ["kty", "crv", "x"],
};

/** Whether a key is of a kind that is known; entries with others are to be passed over. */
export function isKnownKeyType(jwk: JsonObject): boolean {
  return typeof jwk["kty"] === "string" && Object.hasOwn(PUBLIC_MEMBERS, jwk["kty"]);
}

/** Whether a key has members that nobody but its owner should have. */
export function hasPrivateMembers(jwk: JsonObject): boolean {
  return ["d", "p", "q", "dp", "dq", "qi", "k"].some((name) => jwk[name] !== undefined);
}

/**
 * Reads the public members of a JSON web key.
 *
 * @throws {@link CertError} `ERR_CERT_BUNDLE_KEY`.
 * @see https://www.rfc-editor.org/rfc/rfc7518#section-6
 */
export function publicMembers(jwk: JsonObject, path: string): JwtAuthority["jwk"] {
  const members: Record<string, string> = {};
  for (const name of PUBLIC_MEMBERS[String(jwk["kty"])] ?? []) {
    const value = jwk[name];
    if (typeof value !== "string" || value === "") {
      throw new CertError("ERR_CERT_BUNDLE_KEY", `${path}.${name}`, "expected a string");
    }
    if (name !== "kty" && name !== "crv" && !decodeBase64Url(value)?.length) {
      throw new CertError("ERR_CERT_BUNDLE_KEY", `${path}.${name}`, "expected base64url without padding");
    }
    members[name] = value;
  }
  const curve = Object.values(curves).find((one) => one.name === members["crv"]);
  if (members["kty"] === "EC" && curve) {
    for (const name of ["x", "y"]) {
      if (decodeBase64Url(members[name] ?? "")?.length !== curve.bytes) {
        throw new CertError(
          "ERR_CERT_BUNDLE_KEY",
          `${path}.${name}`,
          `expected ${curve.bytes} bytes for ${curve.name}`,
        );
      }
    }
  }
  return members;
}

function stripZeros(bytes: Uint8Array): Uint8Array {
  let from = 0;
  while (from < bytes.length - 1 && bytes[from] === 0) from++;
  return bytes.subarray(from);
}

/** Whether a JSON web key and the key of a certificate are one. */
export function isSameKey(members: JwtAuthority["jwk"], key: KeyInfo): boolean {
  const member = (name: string): Uint8Array => decodeBase64Url(members[name] ?? "") ?? new Uint8Array();
  switch (key.kind) {
    case "ec": {
      const curve = curves[key.curve];
      if (!curve || members["crv"] !== curve.name) return false;
      const point = key.bits.subarray(1);
      return (
        sameBytes(member("x"), point.subarray(0, curve.bytes)) && sameBytes(member("y"), point.subarray(curve.bytes))
      );
    }
    case "rsa": {
      const { n, e } = rsaNumbers(key.bits, "x5c");
      return sameBytes(stripZeros(member("n")), n) && sameBytes(stripZeros(member("e")), e);
    }
    case "ed25519":
      return members["crv"] === "Ed25519" && sameBytes(member("x"), key.bits);
    case "unknown":
      return false;
  }
}

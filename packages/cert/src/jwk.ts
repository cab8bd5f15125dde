import { decodeBase64Url } from "./base64.js";
import { sameBytes } from "./certificate.js";
import { isOnCurve } from "./curve.js";
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
  if (jwk["kty"] === "EC" && !Object.values(curves).some((curve) => curve.name === jwk["crv"])) return false;
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
  if (members["kty"] === "EC") checkPoint(members, path);
  return members;
}

function checkPoint(members: JwtAuthority["jwk"], path: string): void {
  const { crv = "", x = "", y = "" } = members;
  const curve = Object.values(curves).find((one) => one.name === crv);
  const lengths = [x, y].map((value) => decodeBase64Url(value)?.length);
  if (!curve || lengths.some((length) => length !== curve.bytes) || !isOnCurve(crv, x, y)) {
    throw new CertError("ERR_CERT_BUNDLE_KEY", path, `x and y are no point of ${crv}`);
  }
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
      if (!curve || members["crv"] !== curve.name || key.bits[0] !== 4) return false;
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

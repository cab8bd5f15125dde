import { decodeBase64Url } from "./base64.js";
import { toHex } from "./certificate.js";

/** What a curve y² = x³ − 3x + b over the integers modulo p needs. */
interface Curve {
  readonly p: bigint;
  readonly b: bigint;
}

/** The curves of NIST that keys for tokens may be on (FIPS 186-4, D.1.2). */
const parameters: Readonly<Record<string, Curve>> = {
  "P-256": {
    p: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
    b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
  },
  "P-384": {
    p: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
    b: 0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
  },
  "P-521": {
    p: 2n ** 521n - 1n,
    b: 0x0051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00n,
  },
};

function coordinate(text: string): bigint {
  const bytes = decodeBase64Url(text);
  return bytes?.length ? BigInt(`0x${toHex(bytes)}`) : -1n;
}

/** Whether two coordinates, as a JSON web key has them, are a point of the curve. Public values only: it takes its time. */
export function isOnCurve(name: string, x: string, y: string): boolean {
  const curve = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
  const [px, py] = [coordinate(x), coordinate(y)];
  if (!curve || px < 0n || py < 0n || px >= curve.p || py >= curve.p) return false;
  return (py * py - (px * px * px - 3n * px + curve.b)) % curve.p === 0n;
}

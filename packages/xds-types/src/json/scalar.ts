import type { ScalarType } from "../descriptor.js";
import { fromBase64, toBase64 } from "./base64.js";

const loneSurrogate = /\p{Surrogate}/u;
// In strings protobuf's C++ parser, which Envoy loads with, takes leading zeros and hexadecimal integers as well.
const integerText = /^(?:-?[0-9]+|0[xX][0-9a-fA-F]+)$/;
const numberText = /^-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;
// And the words that its string-to-boolean function knows.
const trueTexts: ReadonlySet<string> = new Set(["true", "t", "yes", "y", "1"]);
const falseTexts: ReadonlySet<string> = new Set(["false", "f", "no", "n", "0"]);

const ranges: Readonly<Record<string, readonly [bigint, bigint]>> = {
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
};

/** What a scalar expects, for messages. */
export function expected(scalar: ScalarType): string {
  switch (scalar) {
    case "string":
      return "a string";
    case "bool":
      return "true or false";
    case "bytes":
      return "base64 text";
    case "double":
    case "float":
      return "a number";
    default: {
      const [min, max] = ranges[rangeOf(scalar)] ?? [0n, 0n];
      return `an integer from ${min} to ${max}`;
    }
  }
}

function rangeOf(scalar: ScalarType): "int32" | "uint32" | "int64" | "uint64" {
  switch (scalar) {
    case "uint32":
    case "fixed32":
      return "uint32";
    case "uint64":
    case "fixed64":
      return "uint64";
    case "int64":
    case "sint64":
    case "sfixed64":
      return "int64";
    default:
      return "int32";
  }
}

/** Reads a JSON value as a scalar; `undefined` if it is none. */
export function readScalar(scalar: ScalarType, json: unknown): unknown {
  switch (scalar) {
    case "string":
      return typeof json === "string" && !loneSurrogate.test(json) ? json : undefined;
    case "bool":
      return typeof json === "string" ? readBoolean(json.toLowerCase()) : typeof json === "boolean" ? json : undefined;
    case "bytes":
      return typeof json === "string" ? fromBase64(json) : undefined;
    case "double":
      return readNumber(json);
    case "float": {
      const value = readNumber(json);
      if (value === undefined) return undefined;
      const single = Math.fround(value);
      return Number.isFinite(value) && !Number.isFinite(single) ? undefined : single;
    }
    default: {
      const value = readInteger(json);
      const name = rangeOf(scalar);
      const [min, max] = ranges[name] ?? [0n, 0n];
      if (value === undefined || value < min || value > max) return undefined;
      return name.endsWith("64") ? value : Number(value);
    }
  }
}

function readBoolean(text: string): boolean | undefined {
  if (trueTexts.has(text)) return true;
  return falseTexts.has(text) ? false : undefined;
}

function readNumber(json: unknown): number | undefined {
  // A literal such as 1e999 is out of range; the infinities are spelled out.
  if (typeof json === "number") return Number.isFinite(json) ? json : undefined;
  if (typeof json === "bigint") return Number(json);
  if (typeof json !== "string") return undefined;
  if (json === "NaN") return Number.NaN;
  if (json === "Infinity") return Number.POSITIVE_INFINITY;
  if (json === "-Infinity") return Number.NEGATIVE_INFINITY;
  if (!numberText.test(json)) return undefined;
  const value = Number(json);
  return Number.isFinite(value) ? value : undefined;
}

function readInteger(json: unknown): bigint | undefined {
  if (typeof json === "bigint") return json;
  if (typeof json === "number") return Number.isInteger(json) ? BigInt(json) : undefined;
  if (typeof json !== "string" || json.length > 40) return undefined;
  if (integerText.test(json)) return BigInt(json);
  // "1e5" and "1.0" are integers in another dress.
  if (!numberText.test(json)) return undefined;
  const value = Number(json);
  return Number.isInteger(value) ? BigInt(value) : undefined;
}

/** Writes a scalar as canonical JSON. */
export function writeScalar(scalar: ScalarType, value: unknown): boolean | number | string {
  switch (typeof value) {
    case "bigint":
      return value.toString();
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "object":
      return toBase64(value as Uint8Array);
    case "boolean":
      return value;
    default:
      return scalar === "string" ? String(value) : (value as number);
  }
}

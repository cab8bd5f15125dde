import { enumNames, type FieldShape } from "./shape.js";

/** What a value of a scalar kind must be, in words; by the letters of `gen/shapes.ts`. */
const expectations: Readonly<Record<string, string>> = {
  s: "a string",
  b: "a boolean",
  i: "a 32-bit integer",
  u: "an unsigned 32-bit integer",
  l: "a 64-bit integer as bigint",
  L: "an unsigned 64-bit integer as bigint",
  d: "a number",
  y: "a Uint8Array",
};

/** What an absent value of a scalar kind counts as. */
const defaults: Readonly<Record<string, unknown>> = {
  s: "",
  b: false,
  i: 0,
  u: 0,
  l: 0n,
  L: 0n,
  d: 0,
  y: new Uint8Array(),
  "@": 0,
};

/** What is wrong with a scalar or enum value; `undefined` if nothing is. */
export function scalarProblem(shape: FieldShape, value: unknown): string | undefined {
  if (shape.kind === "@") return enumProblem(shape.type, value);
  return isScalar(shape.kind, value) ? undefined : `expected ${expectations[shape.kind]}, got ${describe(value)}`;
}

/** A value of the kind, to go on with in place of a wrong one. */
export function defaultOf(shape: FieldShape): unknown {
  return Object.hasOwn(defaults, shape.kind) ? defaults[shape.kind] : {};
}

function isScalar(kind: string, value: unknown): boolean {
  switch (kind) {
    case "s":
      return typeof value === "string";
    case "b":
      return typeof value === "boolean";
    case "i":
      return typeof value === "number" && (value | 0) === value;
    case "u":
      return typeof value === "number" && value >>> 0 === value;
    case "l":
      return typeof value === "bigint" && BigInt.asIntN(64, value) === value;
    case "L":
      return typeof value === "bigint" && BigInt.asUintN(64, value) === value;
    case "d":
      return typeof value === "number";
    default:
      return value instanceof Uint8Array;
  }
}

function enumProblem(type: string, value: unknown): string | undefined {
  if (typeof value === "number" && (value | 0) === value) return undefined;
  const names = enumNames(type);
  if (typeof value === "string" && names.has(value)) return undefined;
  return `expected one of ${[...names].join(", ")}, got ${describe(value)}`;
}

/** A value in an error message: short, and safe whatever it is. */
export function describe(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
    case "bigint":
      return `${value}n`;
    case "function":
      return "a function";
    case "symbol":
      return "a symbol";
    case "object":
      if (value === null) return "null";
      if (Array.isArray(value)) return "an array";
      return value instanceof Uint8Array ? "a Uint8Array" : "an object";
    default:
      return String(value);
  }
}

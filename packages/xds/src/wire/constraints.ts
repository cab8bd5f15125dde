import type { DynamicParameters, ParameterConstraint } from "../dynamic-parameters.js";
import { XdsError } from "../errors.js";
import type { Reader } from "./reader.js";
import { Writer } from "./writer.js";

/** Encodes a `DynamicParameterConstraints`. */
export function encodeConstraint(constraint: ParameterConstraint): Uint8Array {
  const writer = new Writer();
  if ("or" in constraint) return writer.bytes(2, encodeList(constraint.or)).finish();
  if ("and" in constraint) return writer.bytes(3, encodeList(constraint.and)).finish();
  if ("not" in constraint) return writer.bytes(4, encodeConstraint(constraint.not)).finish();
  const single = new Writer().string(1, constraint.key);
  if ("exists" in constraint) single.bytes(3, new Uint8Array());
  else single.element(2, constraint.value);
  return writer.bytes(1, single.finish()).finish();
}

function encodeList(constraints: readonly ParameterConstraint[]): Uint8Array {
  const writer = new Writer();
  for (const each of constraints) writer.bytes(1, encodeConstraint(each));
  return writer.finish();
}

/** Decodes a `DynamicParameterConstraints`; `undefined` if it is empty, which constrains nothing. */
export function decodeConstraint(reader: Reader): ParameterConstraint | undefined {
  let constraint: ParameterConstraint | undefined;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) constraint = decodeSingle(reader.message());
    else if (field === 2) constraint = { or: decodeList(reader.message()) };
    else if (field === 3) constraint = { and: decodeList(reader.message()) };
    else if (field === 4) {
      const inner = decodeConstraint(reader.message());
      if (inner === undefined) throw new XdsError("ERR_XDS_WIRE_INVALID", "not_constraints", "it negates nothing");
      constraint = { not: inner };
    } else reader.skip();
  }
  return constraint;
}

function decodeSingle(reader: Reader): ParameterConstraint {
  let key = "";
  let value: string | undefined;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) key = reader.string();
    else if (field === 2) value = reader.string();
    else reader.skip();
  }
  return value === undefined ? { key, exists: true } : { key, value };
}

function decodeList(reader: Reader): readonly ParameterConstraint[] {
  const list: ParameterConstraint[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field !== 1) {
      reader.skip();
      continue;
    }
    const each = decodeConstraint(reader.message());
    if (each !== undefined) list.push(each);
  }
  return list;
}

/** Encodes a `ResourceLocator`. */
export function encodeLocator(name: string, parameters: DynamicParameters): Uint8Array {
  const writer = new Writer().string(1, name);
  for (const [key, value] of Object.entries(parameters)) {
    writer.bytes(2, new Writer().element(1, key).element(2, value).finish());
  }
  return writer.finish();
}

/** Decodes a `ResourceLocator`. */
export function decodeLocator(reader: Reader): { readonly name: string; readonly parameters: DynamicParameters } {
  let name = "";
  const parameters: Record<string, string> = Object.create(null);
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) name = reader.string();
    else if (field === 2) {
      const [key, value] = decodeEntry(reader.message());
      parameters[key] = value;
    } else reader.skip();
  }
  return { name, parameters };
}

/** Decodes an entry of a `map<string, string>`. */
export function decodeEntry(reader: Reader): readonly [string, string] {
  let key = "";
  let value = "";
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) key = reader.string();
    else if (field === 2) value = reader.string();
    else reader.skip();
  }
  return [key, value];
}

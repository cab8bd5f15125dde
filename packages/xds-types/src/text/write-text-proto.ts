import { type FieldDescriptor, type FieldKind, type MessageDescriptor, messageDescriptor } from "../descriptor.js";
import { decodeMessage } from "../wire/decode.js";
import { fieldsOf } from "./text-fields.js";

/**
 * Writes a message in protobuf's text format, fields by number, one a line.
 *
 * @see https://protobuf.dev/reference/protobuf/textformat-spec/
 */
export function writeTextProto(type: MessageDescriptor, message: unknown): string {
  const lines: string[] = [];
  body(type, message, "", lines);
  return lines.map((line) => `${line}\n`).join("");
}

type Fields = Readonly<Record<string, unknown>>;

function body(type: MessageDescriptor, value: unknown, indent: string, lines: string[]): void {
  const message = fieldsOf(type, value, decodeMessage) as Fields;
  if (typeof message["@type"] === "string") {
    const inner = messageDescriptor(String(message["@type"]).replace(/^.*\//, ""));
    block(`[${message["@type"]}]`, inner, message["message"], indent, lines);
    return;
  }
  for (const field of type.fields) {
    const held = message[field.jsonName];
    if (held === undefined) continue;
    for (const item of items(field, held)) one(field, item, indent, lines);
  }
}

function items(field: FieldDescriptor, held: unknown): readonly unknown[] {
  if (field.cardinality === "one") return [held];
  if (field.cardinality === "list") return held as readonly unknown[];
  return Object.entries(held as Fields)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => ({ key, value }));
}

function one(field: FieldDescriptor, value: unknown, indent: string, lines: string[]): void {
  if (field.cardinality === "map") {
    const { key, value: item } = value as { readonly key: string; readonly value: unknown };
    lines.push(`${indent}${field.name} {`, `${indent}  key: ${field.mapKey === "string" ? quoted(key) : key}`);
    element("value", field.of, item, `${indent}  `, lines);
    lines.push(`${indent}}`);
  } else element(field.name, field.of, value, indent, lines);
}

function element(name: string, of: FieldKind, value: unknown, indent: string, lines: string[]): void {
  if (of.kind === "message") block(name, messageDescriptor(of.typeName), value, indent, lines);
  else lines.push(`${indent}${name}: ${scalar(of, value)}`);
}

function block(name: string, type: MessageDescriptor, value: unknown, indent: string, lines: string[]): void {
  lines.push(`${indent}${name} {`);
  body(type, value, `${indent}  `, lines);
  lines.push(`${indent}}`);
}

function scalar(of: FieldKind, value: unknown): string {
  if (value instanceof Uint8Array) return `"${[...value].map(byte).join("")}"`;
  if (typeof value === "string") return of.kind === "enum" ? value : quoted(value);
  if (value === null) return "NULL_VALUE";
  if (value === Number.POSITIVE_INFINITY) return "inf";
  if (value === Number.NEGATIVE_INFINITY) return "-inf";
  if (Number.isNaN(value)) return "nan";
  return Object.is(value, -0) ? "-0" : String(value);
}

function quoted(text: string): string {
  const inside = text.replaceAll(/["\\]|\p{Cc}/gu, (char) => {
    const code = char.charCodeAt(0);
    return code < 128 ? byte(code) : char;
  });
  return `"${inside}"`;
}

function byte(value: number): string {
  if (value === 10) return "\\n";
  const char = String.fromCharCode(value);
  if (value >= 32 && value < 127) return char === '"' || char === "\\" ? `\\${char}` : char;
  return `\\${value.toString(8).padStart(3, "0")}`;
}

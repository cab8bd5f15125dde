import { asciiLower, byteText } from "../ascii.js";
import { type FieldShape, messageShape } from "../shape/shape.js";

/** Wrapped values of a RouteMatch: protobuf's text shows them as messages. */
const wrapped: ReadonlySet<string> = new Set(["caseSensitive", "presented", "validated", "maxProgramSize"]);

const escapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  "'": "\\'",
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

/** A message in protobuf's text format, as router_check_tool prints a route's match: one field a line, two blanks deeper inside. */
export function textFormat(message: object, type: string, indent = ""): string {
  const values = message as Readonly<Record<string, unknown>>;
  let out = "";
  for (const [name, shape] of messageShape(type) ?? []) {
    const value = values[name];
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? (value as unknown[]) : [value]) out += fieldText(name, one, shape, indent);
  }
  return out;
}

function fieldText(name: string, value: unknown, shape: FieldShape, indent: string): string {
  const snake = name.replaceAll(/[A-Z]/g, (letter) => `_${asciiLower(letter)}`);
  const inner = `${indent}  `;
  const block = (body: string): string => `${indent}${snake} {\n${body}${indent}}\n`;
  if (wrapped.has(name)) return block(value === false || value === 0 ? "" : `${inner}value: ${String(value)}\n`);
  if (shape.kind === ".") return block(textFormat(value as object, shape.type, inner));
  if (shape.kind === "A") {
    const { typeUrl = "", message = {} } = value as { readonly typeUrl?: string; readonly message?: object };
    const body = textFormat(message, typeUrl.replace(/^.*\//, ""), `${inner}  `);
    return block(`${inner}[${typeUrl}] {\n${body}${inner}}\n`);
  }
  if (typeof value === "object") return block("");
  return `${indent}${snake}: ${typeof value === "string" && shape.kind === "s" ? quoted(value) : String(value)}\n`;
}

function quoted(text: string): string {
  const escaped = byteText(text).replaceAll(/["'\\\n\r\t]|[^ -~]/g, (char) => {
    return escapes[char] ?? `\\${char.charCodeAt(0).toString(8).padStart(3, "0")}`;
  });
  return `"${escaped}"`;
}

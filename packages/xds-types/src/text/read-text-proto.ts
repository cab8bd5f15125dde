import {
  type FieldDescriptor,
  type FieldKind,
  findMessage,
  type MessageDescriptor,
  messageDescriptor,
} from "../descriptor.js";
import { formatDuration, formatTimestamp } from "../duration.js";
import { toBase64 } from "../json/base64.js";
import { maxDepth, wrappers } from "../wire/special.js";
import type { DocumentsRead, LocatedIssue, Position } from "./document.js";
import type { PathSegment } from "./path.js";
import { TextProtoError, type Token, tokens } from "./text-tokens.js";

type Json = Record<string, unknown>;

/**
 * Reads a message in protobuf's text format as the ProtoJSON of the same message, with the place of each field.
 *
 * @see https://protobuf.dev/reference/protobuf/textformat-spec/
 */
export function readTextProto(type: MessageDescriptor, text: string, file: string): DocumentsRead {
  try {
    const parser = new Parser(tokens(text, file));
    const value = parser.message(type, "end", [], 0);
    const locate = (path: readonly PathSegment[]): Position => parser.locate(path);
    return { documents: [{ value, locate }], issues: [] };
  } catch (error) {
    if (!(error instanceof TextProtoError)) throw error;
    const issue: LocatedIssue = { code: "ERR_XDS_TYPES_SYNTAX", path: "", message: error.message, ...error.at };
    return { documents: [], issues: [issue] };
  }
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #places = new Map<string, Position>();
  #next = 0;

  constructor(all: readonly Token[]) {
    this.#tokens = all;
  }

  /** The place of a field, or of its nearest ancestor that is there. */
  locate(path: readonly PathSegment[]): Position {
    for (let length = path.length; length > 0; length--) {
      const place = this.#places.get(path.slice(0, length).join("\n"));
      if (place !== undefined) return place;
    }
    return { ...this.#at(0).at, line: 1, column: 1 };
  }

  /** The fields up to a closing sign, or to the end. */
  message(type: MessageDescriptor, close: string, path: readonly PathSegment[], depth: number): unknown {
    if (depth > maxDepth) this.#fail(`messages lie more than ${maxDepth} deep`);
    const json: Json = Object.create(null) as Json;
    for (;;) {
      const token = this.#take();
      if (close === "end" ? token.kind === "end" : token.kind === "sign" && token.text === close) break;
      if (token.kind === "sign" && token.text === "[") this.#any(json, path, depth);
      else if (token.kind === "name") this.#field(type, json, token, path, depth);
      else this.#fail(`expected a field, found ${token.text}`, token);
      if (this.#peek(";") || this.#peek(",")) this.#take();
    }
    return special(type, json);
  }

  /** `[type.googleapis.com/NAME] { … }`: the message of an `Any`. */
  #any(json: Json, path: readonly PathSegment[], depth: number): void {
    let url = "";
    for (let token = this.#take(); token.text !== "]"; token = this.#take()) {
      if (token.kind === "end") this.#fail("[ is not closed", token);
      url += token.text;
    }
    if (this.#peek(":")) this.#take();
    const type = findMessage(url.slice(url.lastIndexOf("/") + 1));
    if (type === undefined) this.#fail(`the schema has no message ${url}`);
    const value = this.message(type, this.#open(), path, depth + 1);
    const plain = typeof value === "object" && value !== null && Object.getPrototypeOf(value) === null;
    Object.assign(json, { "@type": url }, plain ? value : { value });
  }

  #field(type: MessageDescriptor, json: Json, token: Token, path: readonly PathSegment[], depth: number): void {
    const field = type.fields.find(({ name }) => name === token.text);
    if (field === undefined) this.#fail(`${type.typeName} has no field ${token.text}`, token);
    if (field.cardinality === "one" && json[field.name] !== undefined) {
      this.#fail(`${field.name} is given twice`, token);
    }
    const at = [...path, field.name];
    if (!this.#places.has(at.join("\n"))) this.#places.set(at.join("\n"), token.at);
    const colon = this.#peek(":");
    if (colon) this.#take();
    else if (field.of.kind !== "message" && field.cardinality !== "map") this.#fail("expected :");
    const listed = this.#peek("[");
    if (!listed) {
      this.#add(field, json, at, depth);
      return;
    }
    this.#take();
    while (!this.#peek("]")) {
      this.#add(field, json, at, depth);
      if (this.#peek(",")) this.#take();
    }
    this.#take();
  }

  #add(field: FieldDescriptor, json: Json, path: readonly PathSegment[], depth: number): void {
    if (field.cardinality === "map") {
      this.#entry(field, json, path, depth);
      return;
    }
    const held = json[field.name];
    if (field.cardinality === "list") {
      const list = (held as unknown[] | undefined) ?? [];
      json[field.name] = list;
      const at = [...path, list.length];
      this.#places.set(at.join("\n"), this.#at(this.#next).at);
      list.push(this.#value(field.of, at, depth));
      return;
    }
    json[field.name] = this.#value(field.of, path, depth);
  }

  #entry(field: FieldDescriptor, json: Json, path: readonly PathSegment[], depth: number): void {
    const close = this.#open();
    let key: unknown = field.mapKey === "string" ? "" : field.mapKey === "bool" ? "false" : "0";
    let value: unknown;
    while (!this.#peek(close)) {
      const { text } = this.#take();
      if (this.#peek(":")) this.#take();
      if (text === "key") key = this.#value({ kind: "scalar", scalar: field.mapKey ?? "string" }, path, depth);
      else if (text === "value") value = this.#value(field.of, [...path, String(key)], depth);
      else this.#fail(`a map entry has key and value, found ${text}`);
      if (this.#peek(";") || this.#peek(",")) this.#take();
    }
    this.#take();
    const map = (json[field.name] as Json | undefined) ?? (Object.create(null) as Json);
    json[field.name] = map;
    map[String(key)] = value ?? defaultJson(field.of);
  }

  #value(of: FieldKind, path: readonly PathSegment[], depth: number): unknown {
    if (of.kind === "message") return this.message(messageDescriptor(of.typeName), this.#open(), path, depth + 1);
    const minus = this.#peek("-");
    if (minus) this.#take();
    const token = this.#take();
    if (token.kind === "string") {
      let bytes = token.text;
      while (this.#at(this.#next).kind === "string") bytes += this.#take().text;
      return this.#text(of, bytes, token);
    }
    if (token.kind === "sign" || token.kind === "end") this.#fail(`expected a value, found ${token.text}`, token);
    const text = (minus ? "-" : "") + token.text;
    if (of.kind === "enum" || token.kind === "name") return wordValue(text);
    return /^-?0[xX]/.test(text) ? BigInt(token.text) * (minus ? -1n : 1n) : text.replace(/[fF]$/, "");
  }

  #text(of: FieldKind, text: string, token: Token): unknown {
    const bytes = Uint8Array.from(text, (char) => char.charCodeAt(0));
    if (of.kind === "scalar" && of.scalar === "bytes") return toBase64(bytes);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      return this.#fail("the string is not UTF-8", token);
    }
  }

  #open(): string {
    const token = this.#take();
    if (token.text === "{") return "}";
    return token.text === "<" ? ">" : this.#fail(`expected {, found ${token.text}`, token);
  }

  #at(index: number): Token {
    return this.#tokens[Math.min(index, this.#tokens.length - 1)] as Token;
  }

  #peek(sign: string): boolean {
    const { kind, text } = this.#at(this.#next);
    return kind === "sign" && text === sign;
  }

  #take(): Token {
    return this.#at(this.#next++);
  }

  #fail(problem: string, token: Token = this.#at(this.#next)): never {
    throw new TextProtoError(token.at, problem);
  }
}

/** Words that stand for numbers and booleans; all others are names of enum values. */
function wordValue(text: string): unknown {
  const word = text.toLowerCase().replace(/^-?(?:inf|infinity)$/, (held) => (held.startsWith("-") ? "-inf" : "inf"));
  if (word === "inf") return "Infinity";
  if (word === "-inf") return "-Infinity";
  if (word === "nan" || word === "-nan") return "NaN";
  return text;
}

function defaultJson(of: FieldKind): unknown {
  if (of.kind === "message") return special(messageDescriptor(of.typeName), Object.create(null) as Json);
  if (of.kind === "enum") return 0;
  if (of.scalar === "bool") return false;
  return of.scalar === "string" || of.scalar === "bytes" ? "" : 0;
}

/** The ProtoJSON of a message that is not an object with its fields. */
function special(type: MessageDescriptor, json: Json): unknown {
  const { typeName } = type;
  if (wrappers.has(typeName)) return json["value"] ?? defaultJson(type.fields[0]?.of ?? { kind: "enum", typeName: "" });
  switch (typeName) {
    case "google.protobuf.Struct":
      return json["fields"] ?? {};
    case "google.protobuf.ListValue":
      return json["values"] ?? [];
    case "google.protobuf.Value":
      return jsonValue(json);
    case "google.protobuf.Duration":
      return formatDuration(seconds(json));
    case "google.protobuf.Timestamp":
      return formatTimestamp(seconds(json)) ?? "a timestamp outside the years 1 to 9999";
    case "google.protobuf.FieldMask":
      return ((json["paths"] as readonly string[] | undefined) ?? [])
        .map((path) => path.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()))
        .join(",");
    case "google.protobuf.Any":
      if ((json["type_url"] ?? "") === "") return json["@type"] === undefined ? {} : json;
      return { "@type": json["type_url"], "@value": json["value"] ?? "" };
    default:
      return json;
  }
}

function jsonValue(json: Json): unknown {
  if (json["number_value"] !== undefined) return Number(json["number_value"]);
  if (json["bool_value"] !== undefined) return json["bool_value"] === "true" || json["bool_value"] === "t";
  return json["string_value"] ?? json["struct_value"] ?? json["list_value"] ?? null;
}

function seconds({ seconds = "0", nanos = "0" }: Json): { readonly seconds: bigint; readonly nanos: number } {
  const whole = /^-?[0-9]+$/.test(String(seconds)) ? BigInt(String(seconds)) : 0n;
  return { seconds: whole, nanos: Number(nanos) };
}

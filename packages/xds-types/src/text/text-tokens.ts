import type { Position } from "./document.js";

/** One token of protobuf's text format. */
export interface Token {
  readonly kind: "name" | "number" | "string" | "sign" | "end";
  /** As written; of a string, its bytes as the code units of a string. */
  readonly text: string;
  readonly at: Position;
}

/** The text is not protobuf's text format. */
export class TextProtoError extends Error {
  readonly at: Position;

  constructor(at: Position, message: string) {
    super(message);
    this.at = at;
  }
}

const blank = /(?:\s|#[^\n]*)*/y;
const name = /[A-Za-z_][A-Za-z0-9_]*/y;
const number = /(?:0[xX][0-9a-fA-F]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[fF]?)/y;
const string = /"((?:[^"\\\n]|\\[^\n])*)"|'((?:[^'\\\n]|\\[^\n])*)'/y;
const escaped = /\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))/gu;
const simple: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, a: 7, b: 8, f: 12, v: 11 };

/** Cuts a text into tokens, blanks and comments left out; the last one is the end. */
export function tokens(text: string, file: string): readonly Token[] {
  const found: Token[] = [];
  let line = 1;
  let lineStart = 0;
  let pos = 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = pos;
    return pattern.exec(text);
  };
  for (;;) {
    const skipped = match(blank)?.[0] ?? "";
    const newline = skipped.lastIndexOf("\n");
    if (newline >= 0) {
      line += skipped.split("\n").length - 1;
      lineStart = pos + newline + 1;
    }
    pos += skipped.length;
    const at: Position = { file, line, column: pos - lineStart + 1 };
    if (pos >= text.length) return [...found, { kind: "end", text: "the end of the text", at }];
    const word = match(name) ?? undefined;
    const digits = word === undefined ? match(number) : null;
    const quoted = match(string);
    const raw = word?.[0] ?? digits?.[0] ?? quoted?.[0] ?? text.charAt(pos);
    pos += raw.length;
    if (word !== undefined) found.push({ kind: "name", text: raw, at });
    else if (digits !== null) found.push({ kind: "number", text: raw, at });
    else if (quoted !== null) found.push({ kind: "string", text: unescaped(quoted[1] ?? quoted[2] ?? "", at), at });
    else if (/[{}<>[\]:;,./-]/.test(raw)) found.push({ kind: "sign", text: raw, at });
    else throw new TextProtoError(at, `${JSON.stringify(raw)} has no place here`);
  }
}

const encoder = new TextEncoder();

function unescaped(text: string, at: Position): string {
  const bytes = (part: string): string => [...encoder.encode(part)].map((byte) => String.fromCharCode(byte)).join("");
  let out = "";
  let from = 0;
  for (const found of text.matchAll(escaped)) {
    out += bytes(text.slice(from, found.index));
    const [whole, octal, hex, short, long, char = ""] = found;
    from = found.index + whole.length;
    if (octal !== undefined || hex !== undefined) {
      const value = octal === undefined ? Number.parseInt(hex ?? "", 16) : Number.parseInt(octal, 8);
      if (value > 255) throw new TextProtoError(at, `${whole} is more than a byte`);
      out += String.fromCharCode(value);
    } else if (short !== undefined || long !== undefined) {
      const code = Number.parseInt(short ?? long ?? "", 16);
      if (code > 0x10_ffff) throw new TextProtoError(at, `${whole} is no character`);
      out += bytes(String.fromCodePoint(code));
    } else if (Object.hasOwn(simple, char)) out += String.fromCharCode(simple[char] ?? 0);
    else if (/["'\\?]/.test(char)) out += char;
    else throw new TextProtoError(at, `there is no escape ${whole}`);
  }
  return out + bytes(text.slice(from));
}

/** What stands in a text proto: fields in order, each with its place. */
export interface TextField {
  readonly name: string;
  readonly value: string | TextMessage;
  /** Whether the value is a quoted string. */
  readonly quoted: boolean;
  readonly line: number;
  readonly column: number;
}

/** A message of a text proto. */
export interface TextMessage {
  readonly fields: readonly TextField[];
}

/** A text that is no text proto, and where. */
export class TextProtoError extends Error {
  readonly line: number;
  readonly column: number;

  constructor(message: string, { line, column }: { readonly line: number; readonly column: number }) {
    super(message);
    this.line = line;
    this.column = column;
  }
}

interface Token {
  readonly kind: "name" | "string" | "sign" | "end";
  readonly text: string;
  readonly line: number;
  readonly column: number;
}

const token = /[ \t\r\n]+|#[^\n]*|("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|([A-Za-z0-9_.+/-]+)|([{}<>[\]:;,])/y;

const maxDepth = 100;

/**
 * Parses protobuf's text format, without looking at types.
 *
 * @throws {@link TextProtoError} at the first thing that is not text format.
 * @see https://protobuf.dev/reference/protobuf/textformat-spec/
 */
export function parseTextProto(text: string): TextMessage {
  const tokens = tokensOf(text);
  let at = 0;
  const peek = (): Token => tokens[at] as Token;
  const next = (): Token => tokens[at++] as Token;
  const fail = (wanted: string, got: Token): never => {
    throw new TextProtoError(`expected ${wanted}, got ${got.kind === "end" ? "the end of the file" : got.text}`, got);
  };
  const isSign = (...signs: readonly string[]): boolean => peek().kind === "sign" && signs.includes(peek().text);

  const message = (close: string, depth: number): TextMessage => {
    if (depth > maxDepth) fail(`at most ${maxDepth} nested messages`, peek());
    const fields: TextField[] = [];
    while (!(close === "" ? peek().kind === "end" : isSign(close))) {
      let name = next();
      if (name.kind === "sign" && name.text === "[") {
        name = next();
        if (!isSign("]")) fail("]", peek());
        at++;
      }
      if (name.kind !== "name") fail(close === "" ? "a field" : `a field or ${close}`, name);
      if (isSign(":")) at++;
      if (isSign("[")) {
        at++;
        while (!isSign("]")) {
          fields.push(value(name, depth));
          if (isSign(",")) at++;
          else if (!isSign("]")) fail(", or ]", peek());
        }
        at++;
      } else fields.push(value(name, depth));
      if (isSign(",", ";")) at++;
    }
    at++;
    return { fields };
  };

  const value = (name: Token, depth: number): TextField => {
    const { line, column } = name;
    const first = next();
    if (first.kind === "sign" && (first.text === "{" || first.text === "<")) {
      return {
        name: name.text,
        value: message(first.text === "{" ? "}" : ">", depth + 1),
        quoted: false,
        line,
        column,
      };
    }
    if (first.kind === "name") return { name: name.text, value: first.text, quoted: false, line, column };
    if (first.kind !== "string") fail(`a value of ${name.text}`, first);
    let joined = unquoted(first);
    while (peek().kind === "string") joined += unquoted(next());
    return { name: name.text, value: new TextDecoder().decode(bytesOf(joined)), quoted: true, line, column };
  };

  return message("", 0);
}

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let line = 1;
  let start = 0;
  let at = 0;
  while (at < text.length) {
    token.lastIndex = at;
    const place = { line, column: at - start + 1 };
    const found = token.exec(text);
    if (found === null) throw new TextProtoError(`unexpected ${JSON.stringify(text[at])}`, place);
    const [whole, string, name, sign] = found;
    if (string !== undefined) tokens.push({ kind: "string", text: string, ...place });
    else if (name !== undefined) tokens.push({ kind: "name", text: name, ...place });
    else if (sign !== undefined) tokens.push({ kind: "sign", text: sign, ...place });
    for (let i = 0; i < whole.length; i++) {
      if (whole[i] !== "\n") continue;
      line++;
      start = at + i + 1;
    }
    at += whole.length;
  }
  tokens.push({ kind: "end", text: "", line, column: at - start + 1 });
  return tokens;
}

const plainEscapes: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

/** A string's content: characters as UTF-8 bytes, one character each, escapes resolved. */
function unquoted({ text }: Token): string {
  return text.slice(1, -1).replaceAll(/\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)|[^\\]+/g, (whole, code?: string) => {
    if (code === undefined) return String.fromCharCode(...new TextEncoder().encode(whole));
    if (code.startsWith("x") && code.length > 1) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
    if (/^[0-7]/.test(code)) return String.fromCharCode(Number.parseInt(code, 8) & 0xff);
    return plainEscapes[code] ?? code;
  });
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

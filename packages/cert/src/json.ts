import { CertError } from "./errors.js";

/** A JSON value. Integers are `bigint`, whatever their size; other numbers are `number`. Objects have no prototype. */
export type JsonValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/** Deeper documents are attacks: bundles and tokens need five levels. */
const MAX_DEPTH = 16;

class JsonReader {
  readonly #text: string;
  readonly #path: string;
  #at = 0;

  constructor(text: string, path: string) {
    this.#text = text;
    this.#path = path;
  }

  document(): JsonValue {
    const value = this.#value(0);
    this.#space();
    if (this.#at !== this.#text.length) throw this.#fail("expected the end");
    return value;
  }

  #fail(problem: string): CertError {
    return new CertError("ERR_CERT_JSON", this.#path, `${problem} at character ${this.#at}`);
  }

  #space(): void {
    while (" \t\n\r".includes(this.#text.charAt(this.#at)) && this.#at < this.#text.length) this.#at++;
  }

  #take(wanted: string): boolean {
    this.#space();
    if (this.#text.charAt(this.#at) !== wanted) return false;
    this.#at++;
    return true;
  }

  #value(depth: number): JsonValue {
    if (depth > MAX_DEPTH) throw this.#fail(`nested more than ${MAX_DEPTH} deep`);
    this.#space();
    switch (this.#text.charAt(this.#at)) {
      case "{":
        return this.#object(depth);
      case "[":
        return this.#array(depth);
      case '"':
        return this.#string();
      default:
        return this.#scalar();
    }
  }

  #object(depth: number): JsonValue {
    const members: Record<string, JsonValue> = Object.create(null);
    this.#at++;
    if (this.#take("}")) return members;
    do {
      this.#space();
      const name = this.#string();
      if (Object.hasOwn(members, name)) {
        throw new CertError(
          "ERR_CERT_JSON_DUPLICATE",
          this.#path,
          `${JSON.stringify(name.slice(0, 64))} stands there twice`,
        );
      }
      if (!this.#take(":")) throw this.#fail("expected a colon");
      members[name] = this.#value(depth + 1);
    } while (this.#take(","));
    if (!this.#take("}")) throw this.#fail("expected a comma or a closing brace");
    return members;
  }

  #array(depth: number): JsonValue {
    const items: JsonValue[] = [];
    this.#at++;
    if (this.#take("]")) return items;
    do items.push(this.#value(depth + 1));
    while (this.#take(","));
    if (!this.#take("]")) throw this.#fail("expected a comma or a closing bracket");
    return items;
  }

  #string(): string {
    if (this.#text.charAt(this.#at) !== '"') throw this.#fail("expected a string");
    let end = this.#at + 1;
    while (end < this.#text.length && this.#text.charAt(end) !== '"') end += this.#text.charAt(end) === "\\" ? 2 : 1;
    try {
      // One literal, delimited here, so that only escapes are left to be judged.
      const value: unknown = JSON.parse(this.#text.slice(this.#at, end + 1));
      if (typeof value === "string") {
        this.#at = end + 1;
        return value;
      }
    } catch {
      // Falls through: the literal is cut off or has a wrong escape.
    }
    throw this.#fail("expected a string");
  }

  #scalar(): JsonValue {
    const literal = /[^\s,\]}]*/y;
    literal.lastIndex = this.#at;
    const word = literal.exec(this.#text)?.[0] ?? "";
    const value = scalar(word);
    if (value === undefined) throw this.#fail("expected a value");
    this.#at += word.length;
    return value;
  }
}

/** Longer numbers mean nothing, and turning them into a bigint takes time that grows with the square. */
const MAX_DIGITS = 64;

function scalar(word: string): JsonValue | undefined {
  if (word === "true" || word === "false") return word === "true";
  if (word === "null") return null;
  if (word.length > MAX_DIGITS) return undefined;
  if (/^-?(?:0|[1-9]\d*)$/.test(word)) return BigInt(word);
  return /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(word) ? Number(word) : undefined;
}

/**
 * Reads JSON as `JSON.parse` does, but refuses names that stand twice and keeps integers exact: a bundle's sequence
 * number has 64 bits, and a bundle map must not name a trust domain twice.
 *
 * @throws {@link CertError} `ERR_CERT_JSON`, `ERR_CERT_JSON_DUPLICATE`.
 */
export function parseJson(text: string, path: string): JsonValue {
  return new JsonReader(text, path).document();
}

/** Whether a JSON value is an object. */
export function isJsonObject(value: JsonValue | undefined): value is { readonly [name: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

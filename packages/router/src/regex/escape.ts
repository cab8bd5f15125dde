import { RegexSyntaxError } from "./syntax-error.js";

/** What is left to read of a pattern. */
export interface Cursor {
  readonly text: string;
  at: number;
}

const octal = /^[0-7]$/;
const simple: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };

/** Reads a backslash escape that stands for one byte. */
export function readEscape(cursor: Cursor): number {
  const start = cursor.at;
  const { text } = cursor;
  if (start + 1 >= text.length) throw new RegexSyntaxError("trailing \\", "");
  const letter = text[start + 1] as string;
  cursor.at = start + 2;
  const bad = (): RegexSyntaxError => new RegexSyntaxError("invalid escape sequence", text.slice(start, cursor.at));
  if (Object.hasOwn(simple, letter)) return simple[letter] as number;
  if (octal.test(letter)) return readOctal(cursor, letter, bad);
  if (letter === "x") return readHex(cursor, bad);
  if (letter.charCodeAt(0) < 128 && !/[0-9A-Za-z]/.test(letter)) return letter.charCodeAt(0);
  throw bad();
}

/** `\0`, `\012`, `\123`; a single digit other than 0 would be a back-reference. */
function readOctal(cursor: Cursor, first: string, bad: () => RegexSyntaxError): number {
  let code = Number(first);
  if (code > 0 && !octal.test(cursor.text[cursor.at] ?? "")) throw bad();
  for (let i = 0; i < 2 && octal.test(cursor.text[cursor.at] ?? ""); i++) {
    code = code * 8 + Number(cursor.text[cursor.at]);
    cursor.at++;
  }
  if (code > 255) throw bad();
  return code;
}

function readHex(cursor: Cursor, bad: () => RegexSyntaxError): number {
  const braces = /^\{([0-9A-Fa-f]+)\}/.exec(cursor.text.slice(cursor.at, cursor.at + 64));
  const found = braces ?? /^([0-9A-Fa-f]{2})/.exec(cursor.text.slice(cursor.at, cursor.at + 2));
  if (found === null) throw bad();
  cursor.at += found[0].length;
  const code = Number.parseInt(found[1] as string, 16);
  if (code > 255) throw bad();
  return code;
}

import { CharSet, type Ranges } from "./char-set.js";
import { type Cursor, readEscape } from "./escape.js";
import { RegexSyntaxError } from "./syntax-error.js";
import { perlGroup, posixGroup, unicodeGroup } from "./unicode.js";

/** Reads a bracket expression. */
export function readClass(cursor: Cursor, fold: boolean): Ranges {
  const { text } = cursor;
  const start = cursor.at;
  const set = new CharSet();
  cursor.at++;
  const negated = text[cursor.at] === "^";
  if (negated) cursor.at++;
  let first = true;
  while (cursor.at < text.length && (text[cursor.at] !== "]" || first)) {
    first = false;
    if (readPosix(cursor, set, fold) || readGroup(cursor, set, fold)) continue;
    const from = cursor.at;
    const low = readOne(cursor, start);
    let high = low;
    if (text[cursor.at] === "-" && cursor.at + 1 < text.length && text[cursor.at + 1] !== "]") {
      cursor.at++;
      high = readOne(cursor, start);
      if (high < low) throw new RegexSyntaxError("invalid character class range", text.slice(from, cursor.at));
    }
    if (fold) set.addFolded(low, high);
    else set.add(low, high);
  }
  if (cursor.at >= text.length) throw new RegexSyntaxError("missing ]", text.slice(start));
  cursor.at++;
  if (negated) set.negate();
  return set.toRanges();
}

function readOne(cursor: Cursor, start: number): number {
  if (cursor.at >= cursor.text.length) throw new RegexSyntaxError("missing ]", cursor.text.slice(start));
  if (cursor.text[cursor.at] === "\\") return readEscape(cursor);
  return cursor.text.charCodeAt(cursor.at++);
}

/** `[:name:]` or `[:^name:]`. */
function readPosix(cursor: Cursor, set: CharSet, fold: boolean): boolean {
  const { text, at } = cursor;
  if (!text.startsWith("[:", at) || at + 2 >= text.length) return false;
  const end = text.indexOf(":]", at + 2);
  if (end < 0) return false;
  const whole = text.slice(at, end + 2);
  const inner = text.slice(at + 2, end);
  const ranges = posixGroup(inner.replace(/^\^/, ""));
  if (ranges === undefined) throw new RegexSyntaxError("invalid character class range", whole);
  set.addRanges(ranges, !inner.startsWith("^"), fold);
  cursor.at = end + 2;
  return true;
}

/** `\d`, `\pN`, `\p{Greek}` and their kin, inside or outside brackets; false if something else stands there. */
export function readGroup(cursor: Cursor, set: CharSet, fold: boolean): boolean {
  const { text, at } = cursor;
  if (text[at] !== "\\" || at + 1 >= text.length) return false;
  const letter = text[at + 1] as string;
  const perl = perlGroup(letter);
  if (perl !== undefined) {
    cursor.at = at + 2;
    set.addRanges(perl.ranges, perl.sign, fold);
    return true;
  }
  if ((letter !== "p" && letter !== "P") || at + 2 >= text.length) return false;
  let sign = letter === "p";
  let name = text[at + 2] as string;
  let end = at + 3;
  if (name === "{") {
    const close = text.indexOf("}", at);
    if (close < 0) throw new RegexSyntaxError("invalid character class range", text.slice(at));
    name = text.slice(at + 3, close);
    end = close + 1;
  }
  if (name.startsWith("^")) {
    sign = !sign;
    name = name.slice(1);
  }
  const ranges = unicodeGroup(name);
  if (ranges === undefined) throw new RegexSyntaxError("invalid character class range", text.slice(at, end));
  cursor.at = end;
  set.addRanges(ranges, sign, fold);
  return true;
}

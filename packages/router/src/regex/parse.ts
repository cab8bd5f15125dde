import { CharSet, countOf, type Ranges } from "./char-set.js";
import { readClass, readGroup } from "./class-parser.js";
import { type Cursor, readEscape } from "./escape.js";
import { factor } from "./factor.js";
import { type Assertion, concat, empty, type Node } from "./node.js";
import { maxRepeat, repetitionBudget } from "./repetition.js";
import { RegexSyntaxError } from "./syntax-error.js";

/** A parsed pattern and its groups. */
export interface Parsed {
  readonly node: Node;
  /** Number of capturing groups. */
  readonly groups: number;
}

interface Flags {
  readonly fold: boolean;
  readonly multiLine: boolean;
  readonly dotNewline: boolean;
  readonly lazy: boolean;
}

interface Frame {
  readonly capture: number;
  readonly flags: Flags;
  alternatives: Node[];
  sequence: Node[];
}

/** Escapes that stand for an assertion. */
const asserting: ReadonlyMap<string, Assertion> = new Map([
  ["b", "word-boundary"],
  ["B", "no-word-boundary"],
  ["A", "begin-text"],
  ["z", "end-text"],
]);

/** Deeper patterns would overflow the walks over them; no real one comes near. */
const maxDepth = 1000;

/**
 * Parses RE2's syntax in Latin-1 mode: exactly what Envoy's RE2 accepts, as the tree that RE2 would build.
 *
 * @param text - The pattern's UTF-8 bytes, one character each.
 * @throws {@link RegexSyntaxError} with RE2's words.
 * @see https://github.com/google/re2/wiki/Syntax
 */
export function parseRegex(text: string): Parsed {
  return new Parser(text).parse();
}

class Parser {
  readonly #cursor: Cursor;
  readonly #stack: Frame[] = [];
  #frame: Frame;
  #flags: Flags = { fold: false, multiLine: false, dotNewline: false, lazy: false };
  #groups = 0;
  /** Where the repetition operator just read starts; −1 if the last thing was none. */
  #lastRepeat = -1;

  constructor(text: string) {
    this.#cursor = { text, at: 0 };
    this.#frame = { capture: 0, flags: this.#flags, alternatives: [], sequence: [] };
  }

  parse(): Parsed {
    const { text } = this.#cursor;
    while (this.#cursor.at < text.length) {
      const repeat = this.#lastRepeat;
      this.#lastRepeat = -1;
      this.#step(text[this.#cursor.at] as string, repeat);
    }
    if (this.#stack.length > 0) throw new RegexSyntaxError("missing )", text);
    return { node: this.#endFrame(), groups: this.#groups };
  }

  #step(char: string, lastRepeat: number): void {
    const cursor = this.#cursor;
    switch (char) {
      case "(":
        this.#open();
        return;
      case ")":
        this.#close();
        return;
      case "|":
        cursor.at++;
        this.#endAlternative();
        return;
      case "^":
        this.#assert(this.#flags.multiLine ? "begin-line" : "begin-text", 1);
        return;
      case "$":
        this.#assert(this.#flags.multiLine ? "end-line" : "end-text", 1);
        return;
      case ".":
        cursor.at++;
        this.#push(this.#flags.dotNewline ? { op: "any" } : { op: "class", ranges: [0, 9, 11, 255] });
        return;
      case "[":
        this.#pushClass(readClass(cursor, this.#flags.fold));
        return;
      case "*":
      case "+":
      case "?":
        this.#repeat(char, lastRepeat);
        return;
      case "{":
        this.#count(lastRepeat);
        return;
      case "\\":
        this.#backslash();
        return;
      default:
        cursor.at++;
        this.#pushByte(char.charCodeAt(0));
    }
  }

  #push(node: Node): void {
    this.#frame.sequence.push(node);
  }

  #assert(what: Assertion, length: number): void {
    this.#cursor.at += length;
    this.#push({ op: "assert", what });
  }

  #pushByte(byte: number): void {
    const upper = byte >= 65 && byte <= 90;
    const letter = upper || (byte >= 97 && byte <= 122);
    if (this.#flags.fold && letter) this.#push({ op: "literal", byte: upper ? byte + 32 : byte, fold: true });
    else this.#push({ op: "literal", byte, fold: false });
  }

  /** A class of one byte is a literal; of a letter's two cases, a folded literal; of nothing, no match. */
  #pushClass(ranges: Ranges): void {
    const [low] = ranges;
    if (low === undefined) this.#push({ op: "none" });
    else if (countOf(ranges) === 1) this.#push({ op: "literal", byte: low, fold: false });
    else if (ranges.length === 4 && countOf(ranges) === 2 && low >= 65 && low <= 90 && ranges[2] === low + 32) {
      this.#push({ op: "literal", byte: low + 32, fold: true });
    } else this.#push({ op: "class", ranges });
  }

  #backslash(): void {
    const cursor = this.#cursor;
    const letter = cursor.text[cursor.at + 1];
    const what = letter === undefined ? undefined : asserting.get(letter);
    if (what !== undefined) {
      this.#assert(what, 2);
      return;
    }
    if (letter === "C") {
      cursor.at += 2;
      this.#push({ op: "any-byte" });
      return;
    }
    if (letter === "Q") {
      this.#quoted();
      return;
    }
    const set = new CharSet();
    if (readGroup(cursor, set, this.#flags.fold)) this.#pushClass(set.toRanges());
    else this.#pushByte(readEscape(cursor));
  }

  #quoted(): void {
    const cursor = this.#cursor;
    const end = cursor.text.indexOf("\\E", cursor.at + 2);
    const quoted = cursor.text.slice(cursor.at + 2, end < 0 ? undefined : end);
    for (let i = 0; i < quoted.length; i++) this.#pushByte(quoted.charCodeAt(i));
    cursor.at = end < 0 ? cursor.text.length : end + 2;
  }

  #open(): void {
    const cursor = this.#cursor;
    if (this.#stack.length >= maxDepth) throw new RegexSyntaxError("nested too deeply", cursor.text.slice(0, 32));
    const rest = cursor.text.slice(cursor.at, cursor.at + 5);
    if (!rest.startsWith("(?")) {
      cursor.at++;
      this.#enter(++this.#groups);
      return;
    }
    if (/^\(\?(?:[=!]|<[=!])/.test(rest) && rest.length > 3) {
      throw new RegexSyntaxError("invalid perl operator", rest[2] === "<" ? rest.slice(0, 4) : rest.slice(0, 3));
    }
    if (/^\(\?(?:P<.|<.)/s.test(rest)) {
      this.#named(rest[2] === "P" ? 4 : 3);
      return;
    }
    this.#perlFlags();
  }

  #named(skip: number): void {
    const cursor = this.#cursor;
    const end = cursor.text.indexOf(">", cursor.at);
    const whole = cursor.text.slice(cursor.at, end < 0 ? undefined : end + 1);
    const name = whole.slice(skip, -1);
    // Letters beyond ASCII are bytes above 0x7f here.
    if (end < 0 || !/^[A-Za-z0-9_\x80-\xff]+$/.test(name))
      throw new RegexSyntaxError("invalid named capture group", whole);
    if (this.#names.has(name)) throw new RegexSyntaxError("duplicate capture group name", name);
    this.#names.add(name);
    cursor.at = end + 1;
    this.#enter(++this.#groups);
  }

  readonly #names = new Set<string>();

  #perlFlags(): void {
    const cursor = this.#cursor;
    const start = cursor.at;
    const bad = (): RegexSyntaxError =>
      new RegexSyntaxError("invalid perl operator", cursor.text.slice(start, cursor.at));
    cursor.at += 2;
    let flags = this.#flags;
    let on = true;
    let saw = false;
    for (;;) {
      const char = cursor.text[cursor.at++];
      if (char === "i") flags = { ...flags, fold: on };
      else if (char === "m") flags = { ...flags, multiLine: on };
      else if (char === "s") flags = { ...flags, dotNewline: on };
      else if (char === "U") flags = { ...flags, lazy: on };
      else if (char === "-" && on) {
        on = false;
        saw = false;
        continue;
      } else if (char === ":" || char === ")") {
        if (!on && !saw) throw bad();
        if (char === ":") this.#enter(-1);
        this.#flags = flags;
        return;
      } else throw bad();
      saw = true;
    }
  }

  #enter(capture: number): void {
    this.#stack.push(this.#frame);
    this.#frame = { capture, flags: this.#flags, alternatives: [], sequence: [] };
  }

  #close(): void {
    const inner = this.#frame;
    const outer = this.#stack.pop();
    if (outer === undefined) throw new RegexSyntaxError("unexpected )", this.#cursor.text);
    const node = this.#endFrame();
    this.#cursor.at++;
    this.#flags = inner.flags;
    this.#frame = outer;
    if (inner.capture > 0) this.#push({ op: "capture", index: inner.capture, sub: node });
    else this.#push(node);
  }

  #endAlternative(): void {
    const sequence = this.#frame.sequence.flatMap((node) => (node.op === "concat" ? node.subs : [node]));
    const node = concat(sequence);
    const { alternatives } = this.#frame;
    this.#frame.sequence = [];
    // `(?s).` takes in a neighbour that is one byte, because whatever that matches it matches as well.
    const last = alternatives.at(-1);
    const single = (one: Node): boolean => one.op === "literal" || one.op === "class" || one.op === "any";
    if (last?.op === "any" && single(node)) return;
    if (last !== undefined && node.op === "any" && single(last)) alternatives.pop();
    alternatives.push(node);
  }

  #endFrame(): Node {
    this.#endAlternative();
    const { alternatives } = this.#frame;
    if (alternatives.length === 1) return alternatives[0] ?? empty;
    const flat = alternatives.flatMap((node) => (node.op === "alternate" ? node.subs : [node]));
    const factored = factor(flat);
    return factored.length === 1 ? (factored[0] ?? empty) : { op: "alternate", subs: factored };
  }

  #operand(operator: string): Node {
    const node = this.#frame.sequence.pop();
    if (node === undefined) throw new RegexSyntaxError("no argument for repetition operator", operator);
    return node;
  }

  #lazyMark(): boolean {
    if (this.#cursor.text[this.#cursor.at] !== "?") return false;
    this.#cursor.at++;
    return true;
  }

  #repeat(char: "*" | "+" | "?", lastRepeat: number): void {
    const cursor = this.#cursor;
    const start = cursor.at++;
    const lazy = this.#lazyMark() !== this.#flags.lazy;
    if (lastRepeat >= 0)
      throw new RegexSyntaxError("bad repetition operator", cursor.text.slice(lastRepeat, cursor.at));
    const operator = cursor.text.slice(start, cursor.at);
    const sub = this.#operand(operator);
    this.#lastRepeat = start;
    const greedy = !lazy;
    const op = char === "*" ? "star" : char === "+" ? "plus" : "quest";
    if ((sub.op === "star" || sub.op === "plus" || sub.op === "quest") && sub.greedy === greedy) {
      // (?:a*)+ and the like are a*, unless both are the same operator, which changes nothing.
      this.#push(sub.op === op ? sub : { op: "star", sub: sub.sub, greedy });
      return;
    }
    this.#push({ op, sub, greedy });
  }

  #count(lastRepeat: number): void {
    const cursor = this.#cursor;
    const start = cursor.at;
    const found = /^\{(0|[1-9]\d{0,8})(?:(,)(0|[1-9]\d{0,8})?)?\}/.exec(cursor.text.slice(start, start + 24));
    if (found === null) {
      cursor.at++;
      this.#pushByte(123);
      return;
    }
    cursor.at += found[0].length;
    const lazy = this.#lazyMark() !== this.#flags.lazy;
    if (lastRepeat >= 0)
      throw new RegexSyntaxError("bad repetition operator", cursor.text.slice(lastRepeat, cursor.at));
    const min = Number(found[1]);
    const max = found[2] === undefined ? min : found[3] === undefined ? -1 : Number(found[3]);
    const size = new RegexSyntaxError("invalid repetition size", cursor.text.slice(start, cursor.at));
    if (min > maxRepeat || max > maxRepeat || (max >= 0 && max < min)) throw size;
    const sub = this.#operand(found[0]);
    this.#lastRepeat = start;
    const node: Node = { op: "repeat", sub, min, max, greedy: !lazy };
    if ((min >= 2 || max >= 2) && repetitionBudget(node, maxRepeat) === 0) throw size;
    this.#push(node);
  }
}

import { foldsAscii, type Ranges } from "./char-set.js";
import type { Assertion, Node } from "./node.js";
import { simplify } from "./simplify.js";

/** Operations of a program. */
export const Op = { fail: 0, alt: 1, byte: 2, capture: 3, assert: 4, match: 5, nop: 6 } as const;

/** Assertions as bits. */
export const assertionBits: Readonly<Record<Assertion, number>> = {
  "begin-line": 1,
  "end-line": 2,
  "begin-text": 4,
  "end-text": 8,
  "word-boundary": 16,
  "no-word-boundary": 32,
};

/** A program: instruction 0 fails; each has a successor, an alternation two. */
export interface Program {
  readonly op: readonly number[];
  readonly out: readonly number[];
  /** Second successor of `alt`, low byte of `byte`, slot of `capture`, bit of `assert`. */
  readonly arg: readonly number[];
  /** High byte of `byte`. */
  readonly high: readonly number[];
  /** Whether a `byte` takes both cases of its letters; the range holds the lower one. */
  readonly fold: readonly boolean[];
  /** First instruction of the pattern. */
  readonly start: number;
  /** First instruction of the pattern after any text; equals {@link Program.start} if the pattern begins with `^`. */
  readonly startUnanchored: number;
  /** Whether the pattern begins with `^`, which has been cut off. */
  readonly anchorStart: boolean;
  /** Whether the pattern ends with `$`, which has been cut off. */
  readonly anchorEnd: boolean;
}

/** A piece of a program: where it begins and which successors are still open. */
interface Fragment {
  readonly begin: number;
  readonly open: readonly number[];
  readonly nullable: boolean;
}

const noMatch: Fragment = { begin: 0, open: [], nullable: false };

/** Compiles a parsed pattern the way RE2 does, instruction by instruction, so that its size can be told. */
export function compileProgram(parsed: Node): Program {
  const simple = simplify(parsed);
  const [withoutStart, anchorStart] = cutAnchor(simple, "begin-text", 0);
  const [node, anchorEnd] = cutAnchor(withoutStart, "end-text", 0);
  return new Compiler().compile(node, anchorStart, anchorEnd);
}

/** Cuts `^` off the front or `$` off the end, through at most four levels of concatenation and capture. */
function cutAnchor(node: Node, what: "begin-text" | "end-text", depth: number): readonly [Node, boolean] {
  if (depth >= 4) return [node, false];
  if (node.op === "assert" && node.what === what) return [{ op: "empty" }, true];
  if (node.op === "capture") {
    const [sub, cut] = cutAnchor(node.sub, what, depth + 1);
    return cut ? [{ ...node, sub }, true] : [node, false];
  }
  if (node.op !== "concat") return [node, false];
  const at = what === "begin-text" ? 0 : node.subs.length - 1;
  const [sub, cut] = cutAnchor(node.subs[at] ?? { op: "empty" }, what, depth + 1);
  return cut ? [{ op: "concat", subs: node.subs.with(at, sub) }, true] : [node, false];
}

class Compiler {
  readonly #op: number[] = [Op.fail];
  readonly #out: number[] = [0];
  readonly #arg: number[] = [0];
  readonly #high: number[] = [0];
  readonly #fold: boolean[] = [false];

  compile(node: Node, anchorStart: boolean, anchorEnd: boolean): Program {
    const all = this.#cat(this.#node(node), this.#leaf(Op.match, 0, []));
    let startUnanchored = all.begin;
    if (!anchorStart && all.begin !== 0) {
      startUnanchored = this.#cat(this.#star(this.#range(0, 255, false), false), all).begin;
    }
    return {
      op: this.#op,
      out: this.#out,
      arg: this.#arg,
      high: this.#high,
      fold: this.#fold,
      start: all.begin,
      startUnanchored,
      anchorStart,
      anchorEnd,
    };
  }

  #add(op: number, out: number, arg: number): number {
    this.#op.push(op);
    this.#out.push(out);
    this.#arg.push(arg);
    this.#high.push(0);
    this.#fold.push(false);
    return this.#op.length - 1;
  }

  /** An open successor is `2 · id` for the first and `2 · id + 1` for the second. */
  #patch(open: readonly number[], target: number): void {
    for (const slot of open) {
      if ((slot & 1) === 0) this.#out[slot >> 1] = target;
      else this.#arg[slot >> 1] = target;
    }
  }

  #leaf(op: number, arg: number, open: readonly number[], nullable = false): Fragment {
    const begin = this.#add(op, 0, arg);
    return { begin, open: open.length === 0 ? open : [begin << 1], nullable };
  }

  #range(low: number, high: number, fold: boolean): Fragment {
    const begin = this.#add(Op.byte, 0, low);
    this.#high[begin] = high;
    this.#fold[begin] = fold;
    return { begin, open: [begin << 1], nullable: false };
  }

  #cat(a: Fragment, b: Fragment): Fragment {
    if (a.begin === 0 || b.begin === 0) return noMatch;
    this.#patch(a.open, b.begin);
    // A lone no-op in front is skipped.
    if (this.#op[a.begin] === Op.nop && a.open.length === 1 && a.open[0] === a.begin << 1) return b;
    return { begin: a.begin, open: b.open, nullable: a.nullable && b.nullable };
  }

  #alt(a: Fragment, b: Fragment): Fragment {
    if (a.begin === 0) return b;
    if (b.begin === 0) return a;
    const begin = this.#add(Op.alt, a.begin, b.begin);
    return { begin, open: [...a.open, ...b.open], nullable: a.nullable || b.nullable };
  }

  /** An alternation between going into `a` and leaving. */
  #loop(a: Fragment, greedy: boolean): { id: number; exit: number } {
    const id = greedy ? this.#add(Op.alt, a.begin, 0) : this.#add(Op.alt, 0, a.begin);
    return { id, exit: greedy ? (id << 1) | 1 : id << 1 };
  }

  #plus(a: Fragment, greedy: boolean): Fragment {
    const { id, exit } = this.#loop(a, greedy);
    this.#patch(a.open, id);
    return { begin: a.begin, open: [exit], nullable: a.nullable };
  }

  #star(a: Fragment, greedy: boolean): Fragment {
    if (a.nullable) return this.#quest(this.#plus(a, greedy), greedy);
    const { id, exit } = this.#loop(a, greedy);
    this.#patch(a.open, id);
    return { begin: id, open: [exit], nullable: true };
  }

  #quest(a: Fragment, greedy: boolean): Fragment {
    if (a.begin === 0) return this.#leaf(Op.nop, 0, [0], true);
    const { id, exit } = this.#loop(a, greedy);
    return { begin: id, open: [exit, ...a.open], nullable: true };
  }

  #node(node: Node): Fragment {
    switch (node.op) {
      case "none":
        return noMatch;
      case "empty":
        return this.#leaf(Op.nop, 0, [0], true);
      case "literal":
        return this.#range(node.byte, node.byte, node.fold);
      case "any":
      case "any-byte":
        return this.#range(0, 255, false);
      case "class":
        return this.#class(node.ranges);
      case "assert":
        return this.#leaf(Op.assert, assertionBits[node.what], [0], true);
      case "capture":
        return this.#capture(this.#node(node.sub), node.index);
      case "star":
        return this.#star(this.#node(node.sub), node.greedy);
      case "plus":
        return this.#plus(this.#node(node.sub), node.greedy);
      case "quest":
        return this.#quest(this.#node(node.sub), node.greedy);
      case "concat":
        return node.subs.map((sub) => this.#node(sub)).reduce((a, b) => this.#cat(a, b));
      case "alternate":
        return node.subs.map((sub) => this.#node(sub)).reduce((a, b) => this.#alt(a, b));
      case "repeat":
        // Simplified away.
        return noMatch;
    }
  }

  #capture(sub: Fragment, index: number): Fragment {
    if (sub.begin === 0) return noMatch;
    const begin = this.#add(Op.capture, sub.begin, index * 2);
    const end = this.#add(Op.capture, 0, index * 2 + 1);
    this.#patch(sub.open, end);
    return { begin, open: [end << 1], nullable: sub.nullable };
  }

  #class(ranges: Ranges): Fragment {
    const folds = foldsAscii(ranges);
    let begin = 0;
    const open: number[] = [];
    for (let i = 0; i < ranges.length; i += 2) {
      const low = ranges[i] as number;
      const high = ranges[i + 1] as number;
      // A class that treats both cases alike needs only its lower-case half.
      if (folds && low >= 65 && high <= 90) continue;
      const letters = !((low <= 65 && high >= 122) || high < 65 || low > 122 || (low > 90 && high < 97));
      const range = this.#range(low, high, folds && letters);
      open.push(...range.open);
      begin = begin === 0 ? range.begin : this.#add(Op.alt, begin, range.begin);
    }
    return { begin, open, nullable: false };
  }
}

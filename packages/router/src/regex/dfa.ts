import { assertionBits, Op, type Program } from "./program.js";

/** States a pattern may keep; at the limit all are dropped and built anew as needed. */
const maxStates = 2000;

const beginLine = assertionBits["begin-line"];
const endLine = assertionBits["end-line"];
const beginText = assertionBits["begin-text"];
const endText = assertionBits["end-text"];
const wordBoundary = assertionBits["word-boundary"];
const noWordBoundary = assertionBits["no-word-boundary"];

/** What came before a state, as far as assertions ask: the start, a newline, a word character. */
const Before = { start: 1, newline: 2, word: 4 } as const;

interface State {
  /** Instructions not yet followed through assertions, ascending. */
  readonly pcs: readonly number[];
  readonly before: number;
  /** By byte class; absent means not worked out yet. */
  readonly next: (State | undefined)[];
  /** The patterns that match if the text ends here; absent means not worked out yet. */
  accepts: readonly number[] | undefined;
}

function isWord(byte: number): boolean {
  return (byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 90) || byte === 95 || (byte >= 97 && byte <= 122);
}

/**
 * A lazily built automaton for one program or several: each byte of the text costs one table look-up once its state has been seen,
 * and at most one walk over the programs before. So a match is linear in the text whatever the pattern is.
 */
export class Dfa {
  readonly #program: Program;
  readonly #starts: readonly number[];
  readonly #matchOf: ReadonlyMap<number, number>;
  readonly #asserts: boolean;
  readonly #classOf = new Uint8Array(256);
  /** A byte of each class. */
  readonly #sample: number[] = [];
  readonly #states = new Map<string, State>();
  readonly #dead: State;
  #first: State;

  /**
   * @param program - Instructions of all patterns.
   * @param starts - First instruction of each pattern.
   * @param matches - Match instruction of each pattern, by instruction.
   */
  constructor(program: Program, starts: readonly number[], matches: ReadonlyMap<number, number>) {
    this.#program = program;
    this.#starts = starts;
    this.#matchOf = matches;
    this.#asserts = program.op.includes(Op.assert);
    this.#classify();
    this.#dead = { pcs: [], before: 0, next: [], accepts: [] };
    this.#first = this.#start();
  }

  /**
   * Numbers of the patterns that match the whole text, ascending; `undefined` if finding out would take more new states than allowed.
   */
  match(text: string, newStates: number = Number.POSITIVE_INFINITY): readonly number[] | undefined {
    const classOf = this.#classOf;
    const dead = this.#dead;
    let state = this.#first;
    let left = newStates;
    for (let i = 0; i < text.length; i++) {
      const byte = text.charCodeAt(i);
      if (byte > 255) return [];
      const kind = classOf[byte] as number;
      const next = state.next[kind];
      if (next === undefined && left-- <= 0) return undefined;
      state = next ?? this.#step(state, kind);
      if (state === dead) return [];
    }
    state.accepts ??= this.#accepts(state);
    return state.accepts;
  }

  /** Whether any pattern matches the whole text. */
  test(text: string): boolean {
    return (this.match(text)?.length ?? 0) > 0;
  }

  /** Bytes that no range and no assertion tells apart share a class. */
  #classify(): void {
    const cuts = new Uint8Array(257);
    const cut = (low: number, high: number): void => {
      cuts[low] = 1;
      cuts[high + 1] = 1;
    };
    const { op, arg, high, fold } = this.#program;
    for (let id = 0; id < op.length; id++) {
      if (op[id] !== Op.byte) continue;
      cut(arg[id] as number, high[id] as number);
      if (fold[id] === true) cut(Math.max(65, (arg[id] as number) - 32), Math.min(90, (high[id] as number) - 32));
    }
    if (this.#asserts)
      for (const [low, top] of [
        [10, 10],
        [48, 57],
        [65, 90],
        [95, 95],
        [97, 122],
      ] as const)
        cut(low, top);
    let kind = -1;
    for (let byte = 0; byte < 256; byte++) {
      if (byte === 0 || cuts[byte] === 1) {
        kind++;
        this.#sample.push(byte);
      }
      this.#classOf[byte] = kind;
    }
  }

  #start(): State {
    return this.#state([...this.#starts], this.#asserts ? Before.start : 0);
  }

  #state(pcs: number[], before: number): State {
    if (pcs.length === 0) return this.#dead;
    pcs.sort((a, b) => a - b);
    const key = `${before}:${pcs.join()}`;
    const found = this.#states.get(key);
    if (found !== undefined) return found;
    if (this.#states.size >= maxStates) this.#states.clear();
    const made: State = { pcs, before, next: new Array<undefined>(this.#sample.length), accepts: undefined };
    this.#states.set(key, made);
    if (this.#states.size === 1 && before !== Before.start) this.#first = this.#start();
    return made;
  }

  #step(state: State, kind: number): State {
    const byte = this.#sample[kind] as number;
    const { op, out, arg, high, fold } = this.#program;
    const reached = this.#follow(state, byte);
    const next = new Set<number>();
    for (const id of reached) {
      if (op[id] !== Op.byte) continue;
      const low = arg[id] as number;
      const top = high[id] as number;
      const folded = fold[id] === true && byte >= 65 && byte <= 90 ? byte + 32 : byte;
      if (folded >= low && folded <= top) next.add(out[id] as number);
    }
    let before = 0;
    if (this.#asserts) before = (byte === 10 ? Before.newline : 0) | (isWord(byte) ? Before.word : 0);
    const result = this.#state([...next], before);
    state.next[kind] = result;
    return result;
  }

  #accepts(state: State): readonly number[] {
    const out: number[] = [];
    for (const id of this.#follow(state, -1)) {
      const match = this.#program.op[id] === Op.match ? this.#matchOf.get(id) : undefined;
      if (match !== undefined) out.push(match);
    }
    return out.sort((a, b) => a - b);
  }

  /** Everything reachable without taking a byte, when `byte` comes next (−1: the end). */
  #follow(state: State, byte: number): Set<number> {
    const { op, out, arg } = this.#program;
    const holds = this.#asserts ? assertionsBetween(state.before, byte) : 0;
    const seen = new Set<number>();
    const stack = [...state.pcs];
    while (stack.length > 0) {
      const id = stack.pop() as number;
      if (seen.has(id)) continue;
      seen.add(id);
      switch (op[id]) {
        case Op.alt:
          stack.push(out[id] as number, arg[id] as number);
          break;
        case Op.nop:
        case Op.capture:
          stack.push(out[id] as number);
          break;
        case Op.assert:
          if (((arg[id] as number) & holds) !== 0) stack.push(out[id] as number);
          break;
        default:
          break;
      }
    }
    return seen;
  }
}

/** The assertions that hold between what came before and the next byte (−1: the end). */
function assertionsBetween(before: number, byte: number): number {
  const boundary = ((before & Before.word) !== 0) !== (byte >= 0 && isWord(byte));
  let holds = boundary ? wordBoundary : noWordBoundary;
  if ((before & Before.start) !== 0) holds |= beginText | beginLine;
  if ((before & Before.newline) !== 0) holds |= beginLine;
  if (byte < 0) holds |= endText | endLine;
  if (byte === 10) holds |= endLine;
  return holds;
}

/** The assertions that hold at a position of a text. */
export function assertionsAt(text: string, at: number): number {
  const previous = at === 0 ? -1 : text.charCodeAt(at - 1);
  const before =
    previous < 0 ? Before.start : (previous === 10 ? Before.newline : 0) | (isWord(previous) ? Before.word : 0);
  return assertionsBetween(before, at < text.length ? text.charCodeAt(at) : -1);
}

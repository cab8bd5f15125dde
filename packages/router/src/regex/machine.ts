import { assertionsAt } from "./dfa.js";
import { Op, type Program } from "./program.js";

/** Where groups were found: start and end of each, −1 for a group that took no part. */
export type Slots = readonly number[];

interface Thread {
  readonly pc: number;
  readonly slots: Slots;
}

/**
 * Runs a program over a text as a set of threads in order of preference, so that the match found is the one a backtracking engine would
 * prefer, in time linear in the text.
 */
export class Machine {
  readonly #program: Program;
  readonly #groups: number;

  constructor(program: Program, groups: number) {
    this.#program = program;
    this.#groups = groups;
  }

  /**
   * The preferred match at or after `from`.
   *
   * @param whole - Whether it must take the text from `from` to its end.
   */
  run(text: string, from: number, whole: boolean): Slots | undefined {
    const { anchorStart, anchorEnd, op, out, arg, high, fold, start } = this.#program;
    if (anchorStart && from !== 0) return undefined;
    const atEnd = whole || anchorEnd;
    const blank: Slots = new Array<number>(2 * (this.#groups + 1)).fill(-1);
    let threads: Thread[] = [];
    let best: Slots | undefined;
    for (let at = from; ; at++) {
      const holds = assertionsAt(text, at);
      const seen = new Set<number>();
      const list: Thread[] = [];
      for (const thread of threads) this.#add(list, seen, thread.pc, thread.slots, at, holds);
      // A match may start here only if none started earlier.
      if (best === undefined && (at === from || !(whole || anchorStart)))
        this.#add(list, seen, start, blank.with(0, at), at, holds);
      if (list.length === 0 && (best !== undefined || whole || anchorStart)) return best;
      const byte = at < text.length ? text.charCodeAt(at) : -1;
      threads = [];
      for (const { pc, slots } of list) {
        if (op[pc] === Op.match) {
          if (atEnd && at < text.length) continue;
          best = slots.with(1, at);
          // What follows in the list is less preferred.
          break;
        }
        const folded = fold[pc] === true && byte >= 65 && byte <= 90 ? byte + 32 : byte;
        if (folded >= (arg[pc] as number) && folded <= (high[pc] as number))
          threads.push({ pc: out[pc] as number, slots });
      }
      if (byte < 0) return best;
    }
  }

  /** Adds what is reachable from `pc` without a byte, in order of preference. */
  #add(list: Thread[], seen: Set<number>, pc: number, slots: Slots, at: number, holds: number): void {
    const { op, out, arg } = this.#program;
    const stack: Thread[] = [{ pc, slots }];
    while (stack.length > 0) {
      const thread = stack.pop() as Thread;
      const id = thread.pc;
      if (seen.has(id)) continue;
      seen.add(id);
      switch (op[id]) {
        case Op.alt:
          stack.push({ pc: arg[id] as number, slots: thread.slots }, { pc: out[id] as number, slots: thread.slots });
          break;
        case Op.nop:
          stack.push({ pc: out[id] as number, slots: thread.slots });
          break;
        case Op.capture:
          stack.push({ pc: out[id] as number, slots: thread.slots.with(arg[id] as number, at) });
          break;
        case Op.assert:
          if (((arg[id] as number) & holds) !== 0) stack.push({ pc: out[id] as number, slots: thread.slots });
          break;
        case Op.byte:
        case Op.match:
          list.push(thread);
          break;
        default:
          break;
      }
    }
  }
}

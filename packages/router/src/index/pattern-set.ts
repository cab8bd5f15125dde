import { Dfa } from "../regex/dfa.js";
import { parseRegex } from "../regex/parse.js";
import type { PatternHolder } from "../regex/patterns.js";
import { compileProgram, Op, type Program } from "../regex/program.js";

/** New states that one request may cost: a step of the combined automaton walks all patterns the first time it is taken. */
const newStatesPerRequest = 32;

/**
 * Patterns matched together: one automaton says which of a thousand patterns take a path. It is built as requests come; a request that
 * would have to build too much of it gets all patterns as candidates, and they are tested one by one.
 */
export class PatternSet {
  readonly #indices: readonly number[];
  readonly #routes: readonly PatternHolder[];
  #dfa: Dfa | undefined;

  constructor(indices: readonly number[], routes: readonly PatternHolder[]) {
    this.#indices = indices;
    this.#routes = routes;
  }

  /** Positions of the routes whose pattern may match, ascending. */
  candidates(path: string): readonly number[] {
    this.#dfa ??= combine(this.#indices, this.#routes);
    return this.#dfa.match(path, newStatesPerRequest) ?? this.#indices;
  }
}

function combine(indices: readonly number[], routes: readonly PatternHolder[]): Dfa {
  const op: number[] = [];
  const out: number[] = [];
  const arg: number[] = [];
  const high: number[] = [];
  const fold: boolean[] = [];
  const starts: number[] = [];
  const matches = new Map<number, number>();
  for (const index of indices) {
    const program = programOf(routes[index]);
    if (program.start === 0) continue;
    const offset = op.length;
    program.op.forEach((one, id) => {
      op.push(one);
      out.push((program.out[id] as number) + offset);
      arg.push((program.arg[id] as number) + (one === Op.alt ? offset : 0));
      high.push(program.high[id] as number);
      fold.push(program.fold[id] === true);
      if (one === Op.match) matches.set(offset + id, index);
    });
    starts.push(program.start + offset);
  }
  const program = { op, out, arg, high, fold, start: 0, startUnanchored: 0, anchorStart: false, anchorEnd: false };
  return new Dfa(program, starts, matches);
}

function programOf(route: PatternHolder | undefined): Program {
  return compileProgram(parseRegex(route?.path.regex?.pattern ?? "").node);
}

import { LRUCache } from "lru-cache";
import { byteText } from "../ascii.js";
import type { Scope } from "../scope.js";
import { Dfa } from "./dfa.js";
import { Machine } from "./machine.js";
import { parseRegex } from "./parse.js";
import { type Patterns, type Regex, type RegexEngine, refused } from "./patterns.js";
import { compileProgram, Op, type Program } from "./program.js";
import { programSize } from "./program-size.js";
import { globalReplace } from "./replace.js";
import { RegexSyntaxError } from "./syntax-error.js";

/** Patterns compiled lately, over all tables: updates mostly repeat what was there. */
const cache = new LRUCache<string, CompiledRegex>({ max: 20_000 });

class CompiledRegex implements Regex {
  readonly pattern: string;
  /** RE2's program size. */
  readonly size: number;
  #compiled: { readonly dfa: Dfa; readonly machine: Machine; readonly groups: number } | undefined;

  constructor(pattern: string) {
    this.pattern = pattern;
    const parsed = parseRegex(pattern);
    this.size = programSize(compileProgram(parsed.node));
  }

  test(text: string): boolean {
    return this.#run().dfa.test(text);
  }

  groups(text: string): readonly (string | undefined)[] | undefined {
    const { machine, groups } = this.#run();
    const slots = machine.run(text, 0, true);
    if (slots === undefined) return undefined;
    return Array.from({ length: groups + 1 }, (_, i) => {
      const start = slots[2 * i] as number;
      return start < 0 ? undefined : text.slice(start, slots[2 * i + 1]);
    });
  }

  replace(text: string, substitution: string): string {
    const { machine, groups } = this.#run();
    return globalReplace(machine, groups, text, substitution);
  }

  // Tables may hold thousands of patterns that never see a request: automata are built on first use.
  #run(): { readonly dfa: Dfa; readonly machine: Machine; readonly groups: number } {
    if (this.#compiled === undefined) {
      const { node, groups } = parseRegex(this.pattern);
      const program = compileProgram(node);
      const dfa = new Dfa(program, program.start === 0 ? [] : [program.start], matchesOf(program));
      this.#compiled = { dfa, machine: new Machine(program, groups), groups };
    }
    return this.#compiled;
  }
}

function matchesOf(program: Program): ReadonlyMap<number, number> {
  return new Map([[program.op.indexOf(Op.match), 0]]);
}

/** Compiles patterns under one limit of program size. */
export class RegexCache implements Patterns {
  readonly #limit: number;
  readonly #engine: RegexEngine | undefined;

  constructor(limit: number, engine?: RegexEngine) {
    this.#limit = limit;
    this.#engine = engine;
  }

  /** Compiles a configured pattern; one that RE2 does not accept, or too large a one, is reported. */
  compile(pattern: string, scope: Scope, ownLimit?: number): Regex {
    const bytes = byteText(pattern);
    try {
      const regex = find(bytes);
      const limit = ownLimit ?? this.#limit;
      if (regex.size > limit) {
        scope.report(
          "ERR_ROUTER_REGEX_SIZE",
          `expected a program size of at most ${limit}, got ${regex.size} for ${JSON.stringify(pattern)}`,
        );
      }
      return this.#engine === undefined ? regex : withEngine(regex, this.#engine);
    } catch (error) {
      if (!(error instanceof RegexSyntaxError)) throw error;
      scope.report("ERR_ROUTER_REGEX_SYNTAX", error.message);
      return refused;
    }
  }

  /**
   * Compiles a pattern that this package has made out of a template; its size does not count. A template can hold a `**` that is no
   * pattern: Envoy loads it, and it never matches.
   */
  trusted(pattern: string): Regex {
    try {
      return find(pattern);
    } catch (error) {
      if (!(error instanceof RegexSyntaxError)) throw error;
      return refused;
    }
  }
}

function find(pattern: string): CompiledRegex {
  const found = cache.get(pattern);
  if (found !== undefined) return found;
  const made = new CompiledRegex(pattern);
  cache.set(pattern, made);
  return made;
}

function withEngine(regex: Regex, engine: RegexEngine): Regex {
  const { test } = engine(regex.pattern);
  return {
    pattern: regex.pattern,
    test: (text) => test(text),
    groups: (text) => regex.groups(text),
    replace: (text, substitution) => regex.replace(text, substitution),
  };
}

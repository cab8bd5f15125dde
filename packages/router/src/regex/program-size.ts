import { Op, type Program } from "./program.js";

/**
 * RE2's program size, which Envoy's limit is about: the length of the program after RE2 has flattened it into lists of
 * instructions without alternations.
 */
export function programSize(program: Program): number {
  if (program.start === 0) return 1;
  const roots = successorRoots(program);
  const predecessors = alternationPredecessors(program);
  const candidates = [...roots].sort((a, b) => b - a);
  for (const root of candidates) {
    if (root === 0 || root === program.start || root === program.startUnanchored) continue;
    markDominated(program, root, roots, predecessors);
  }
  let size = 0;
  for (const root of roots) size += listLength(program, root, roots);
  return size;
}

/** Walks everything reachable through alternations and no-ops from a place; `stop` ends a branch. */
function walk(program: Program, from: number, visit: (id: number) => boolean): Set<number> {
  const seen = new Set<number>();
  const stack = [from];
  while (stack.length > 0) {
    const id = stack.pop() as number;
    if (seen.has(id)) continue;
    seen.add(id);
    if (!visit(id)) continue;
    const op = program.op[id];
    if (op === Op.alt) stack.push(program.arg[id] as number, program.out[id] as number);
    else if (op === Op.nop) stack.push(program.out[id] as number);
  }
  return seen;
}

function isStep(op: number | undefined): boolean {
  return op === Op.byte || op === Op.capture || op === Op.assert;
}

/** Instructions that begin a list: the two starts, and what follows a byte, a capture or an assertion. */
function successorRoots(program: Program): Set<number> {
  const roots = new Set([0, program.startUnanchored, program.start]);
  const seen = new Set<number>();
  const stack = [program.startUnanchored];
  while (stack.length > 0) {
    const id = stack.pop() as number;
    if (seen.has(id)) continue;
    seen.add(id);
    const op = program.op[id];
    const out = program.out[id] as number;
    if (op === Op.alt) stack.push(program.arg[id] as number, out);
    else if (op === Op.nop) stack.push(out);
    else if (isStep(op)) {
      roots.add(out);
      stack.push(out);
    }
  }
  return roots;
}

function alternationPredecessors(program: Program): Map<number, number[]> {
  const predecessors = new Map<number, number[]>();
  const seen = new Set<number>();
  const stack = [program.startUnanchored];
  while (stack.length > 0) {
    const id = stack.pop() as number;
    if (seen.has(id)) continue;
    seen.add(id);
    const op = program.op[id];
    const out = program.out[id] as number;
    if (op === Op.alt) {
      for (const target of [out, program.arg[id] as number]) {
        const list = predecessors.get(target);
        if (list === undefined) predecessors.set(target, [id]);
        else list.push(id);
        stack.push(target);
      }
    } else if (op === Op.nop || isStep(op)) stack.push(out);
  }
  return predecessors;
}

/** What a root reaches but does not own alone becomes a root itself. */
function markDominated(
  program: Program,
  root: number,
  roots: Set<number>,
  predecessors: ReadonlyMap<number, number[]>,
): void {
  const reachable = walk(program, root, (id) => id === root || !roots.has(id));
  for (const id of reachable) {
    for (const predecessor of predecessors.get(id) ?? []) if (!reachable.has(predecessor)) roots.add(id);
  }
}

function listLength(program: Program, root: number, roots: ReadonlySet<number>): number {
  let length = 0;
  walk(program, root, (id) => {
    if (id !== root && roots.has(id)) {
      length++;
      return false;
    }
    const op = program.op[id];
    if (op !== Op.alt && op !== Op.nop) length++;
    return true;
  });
  return length;
}

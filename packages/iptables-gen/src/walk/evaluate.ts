import type { Rule, Table } from "../rule.js";
import { readMark } from "./condition.js";
import type { CompiledRule, Program } from "./program.js";
import type { PacketState } from "./state.js";

/** One rule a packet met on its way. */
export interface Trace {
  /** The rule. */
  readonly rule: Rule;
  /** Whether all its conditions were met; `unknown`: a condition could not be judged and was taken as not met. */
  readonly matched: boolean | "unknown";
  /** 0 in a built-in chain, one more for each jump. */
  readonly depth: number;
  /** Index of the condition that was not met. */
  readonly failed?: number;
}

/** What a hook's chain decided. */
export type Evaluation =
  | { readonly kind: "accept" }
  | { readonly kind: "drop"; readonly rule?: Rule }
  | { readonly kind: "redirect"; readonly rule: Rule; readonly port: number }
  | { readonly kind: "tproxy"; readonly rule: Rule };

const ACCEPT: Evaluation = { kind: "accept" };
/** As deep as the kernel lets chains jump. */
const MAX_DEPTH = 16;
/** Chains that fan out at each level would take a packet longer than anybody waits; jumps beyond this are not followed. */
const MAX_JUMPS = 65_536;

/** Runs a packet through a built-in chain of a table. Marks are changed in place. */
export function evaluateChain(
  program: Program,
  table: Table,
  chain: string,
  packet: PacketState,
  trace: Trace[] | undefined,
  unknown: Rule[],
): Evaluation {
  const chains = program.tables.get(table);
  if (chains === undefined) return ACCEPT;

  // The kernel loads no chain that leads back to itself; a text may have one all the same.
  const path = [chain];
  let jumps = 0;
  const run = (name: string, depth: number): Evaluation | undefined => {
    for (const compiled of chains.get(name) ?? []) {
      const { rule } = compiled;
      if (!meets(compiled, packet, depth, trace, unknown)) continue;
      const { target } = rule;
      switch (target.kind) {
        case "accept":
          return ACCEPT;
        case "drop":
          return { kind: "drop", rule };
        case "return":
          return undefined;
        case "jump":
        case "goto": {
          if (path.includes(target.chain) || ++jumps > MAX_JUMPS) {
            unknown.push(rule);
            break;
          }
          path.push(target.chain);
          const result = depth < MAX_DEPTH ? run(target.chain, depth + 1) : undefined;
          path.pop();
          if (result !== undefined || target.kind === "goto") return result;
          break;
        }
        case "redirect":
          return { kind: "redirect", rule, port: Number(target.port) };
        case "tproxy":
          packet.mark = readMark(target.mark)?.value ?? packet.mark;
          return { kind: "tproxy", rule };
        case "set-mark":
          packet.mark = readMark(target.mark)?.value ?? packet.mark;
          break;
        case "save-mark":
          packet.connectionMark = packet.mark;
          break;
        case "restore-mark":
          packet.mark = packet.connectionMark;
          break;
        case "zone":
        case "continue":
          break;
        case "opaque":
          unknown.push(rule);
          break;
      }
    }
    return undefined;
  };
  return run(chain, 0) ?? ACCEPT;
}

function meets(
  { rule, conditions }: CompiledRule,
  packet: PacketState,
  depth: number,
  trace: Trace[] | undefined,
  unknown: Rule[],
): boolean {
  let doubtful = false;
  for (const [index, condition] of conditions.entries()) {
    const answer = condition(packet);
    if (answer === false) {
      trace?.push({ rule, matched: false, depth, failed: index });
      return false;
    }
    if (answer === "unknown") doubtful = true;
  }
  if (doubtful) unknown.push(rule);
  trace?.push({ rule, matched: doubtful ? "unknown" : true, depth });
  return !doubtful;
}

import type { Machine, Slots } from "./machine.js";

/**
 * Replaces every match as RE2's GlobalReplace does: `\0` to `\9` are groups, `\\` a backslash; an empty match right after a match is
 * skipped; a substitution that names a group the pattern does not have leaves the text as it is.
 */
export function globalReplace(machine: Machine, groups: number, text: string, substitution: string): string {
  if (greatestGroup(substitution) > groups) return text;
  let out = "";
  let at = 0;
  let lastEnd = -1;
  let count = 0;
  while (at <= text.length) {
    const slots = machine.run(text, at, false);
    if (slots === undefined) break;
    const start = slots[0] as number;
    const end = slots[1] as number;
    out += text.slice(at, start);
    if (start === lastEnd && end === start) {
      out += text.slice(start, start + 1);
      at = start + 1;
      continue;
    }
    out += expand(substitution, text, slots);
    at = end;
    lastEnd = end;
    count++;
  }
  return count === 0 ? text : out + text.slice(at);
}

function greatestGroup(substitution: string): number {
  let greatest = 0;
  for (const [reference] of substitution.matchAll(/\\[\s\S]/g))
    if (/\d/.test(reference)) greatest = Math.max(greatest, Number(reference[1]));
  return greatest;
}

/** What one match is replaced by. An escape that means nothing ends it. */
function expand(substitution: string, text: string, slots: Slots): string {
  let out = "";
  for (let i = 0; i < substitution.length; i++) {
    const char = substitution[i] as string;
    if (char !== "\\") {
      out += char;
      continue;
    }
    const next = substitution[++i] ?? "";
    if (next === "\\") out += "\\";
    else if (/^\d$/.test(next)) {
      const start = slots[2 * Number(next)] ?? -1;
      if (start >= 0) out += text.slice(start, slots[2 * Number(next) + 1]);
    } else return out;
  }
  return out;
}

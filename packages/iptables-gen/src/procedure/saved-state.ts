/** Rules of each chain of each table, as lines, as the original reads a save or restore text. */
export type SavedState = ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;

const TABLES = ["filter", "nat", "mangle", "raw"];

/**
 * Reads a save or restore text as the original does, to compare counts: no rule is understood, foreign tables are skipped,
 * built-in chains appear when they have a rule, chains of ours also when they are empty.
 */
export function readSavedState(text: string): SavedState {
  const state = new Map(TABLES.map((table) => [table, new Map<string, string[]>()]));
  let chains: Map<string, string[]> | undefined;
  const chain = (name: string): string[] => {
    const rules = chains?.get(name) ?? [];
    chains?.set(name, rules);
    return rules;
  };
  for (const line of text.split("\n")) {
    if (line.trim() === "" || line.startsWith("#") || line === "COMMIT") continue;
    if (line.startsWith("*")) {
      chains = state.get(line.slice(1).trim());
      continue;
    }
    if (chains === undefined) continue;
    if (line.startsWith(":")) {
      if (line.startsWith(":ISTIO")) chain(line.slice(1).split(" ", 1)[0] ?? "");
      continue;
    }
    readRule(line, chain);
  }
  return state;
}

function readRule(line: string, chain: (name: string) => string[]): void {
  let name = "";
  let isRule = false;
  const words = line.split(" ");
  for (const [i, word] of words.entries()) {
    const next = words[i + 1]?.replace(/^['"]+|['"]+$/g, "");
    if (next === undefined) continue;
    if (word === "-A" || word === "--append" || word === "-I" || word === "--insert") {
      isRule = true;
      name = next;
    } else if ((word === "-N" || word === "--new") && next.startsWith("ISTIO")) {
      name = next;
    }
  }
  if (name === "") return;
  const rules = chain(name);
  if (isRule) rules.push(line);
}

/** Whether nothing at all was read. */
export function isEmptyState(state: SavedState): boolean {
  return [...state.values()].every((chains) => chains.size === 0);
}

/** Whether two states differ in what can be seen without asking the kernel about single rules. */
export function statesDiffer(current: SavedState, expected: SavedState): boolean {
  for (const [table, chains] of expected) {
    for (const [chain, rules] of chains) {
      const now = current.get(table)?.get(chain);
      if (now === undefined || (chain.startsWith("ISTIO_") && now.length !== rules.length)) return true;
    }
  }
  for (const [table, chains] of current) {
    for (const chain of chains.keys()) {
      if (chain.startsWith("ISTIO_") && expected.get(table)?.has(chain) !== true) return true;
    }
  }
  return false;
}

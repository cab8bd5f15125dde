import { isBuiltIn } from "./chains.js";
import { type IdResolver, ruleKey } from "./normal-form.js";
import type { SavedTable } from "./parse/iptables-save.js";
import { ownStateOf, wantedState } from "./plan.js";
import { savedWords } from "./render/iptables-save.js";
import type { Family, Rule, Table } from "./rule.js";
import type { RuleSet } from "./rule-set.js";

/** A difference between the rules of a machine and the wanted ones. */
export interface Difference {
  /** What is wrong with the rule. `shadowed`: a foreign rule before it takes packets away. */
  readonly kind: "missing" | "extra" | "reordered" | "shadowed";
  /** Family the rule is in. */
  readonly family: Family;
  /** Table the rule is in, or should be in. */
  readonly table: Table;
  /** Chain the rule is in, or should be in. */
  readonly chain: string;
  /** The rule as iptables-save prints it; empty for a chain. */
  readonly rule: string;
  /** The foreign rule that comes first; only for `shadowed`. */
  readonly by?: string;
}

/** Compares what a machine has with what it should have, chain by chain. Empty: all is as it should be. */
export function verifyRules(
  saved: Readonly<Record<Family, readonly SavedTable[]>>,
  wanted: RuleSet,
  ids?: IdResolver,
): readonly Difference[] {
  return (["ipv4", "ipv6"] as const).flatMap((family) => verifyFamily(saved[family], wanted, family, ids));
}

function verifyFamily(
  saved: readonly SavedTable[],
  wanted: RuleSet,
  family: Family,
  ids: IdResolver | undefined,
): readonly Difference[] {
  const differences: Difference[] = [];
  const [actual, expected] = [ownStateOf(saved), wantedState(wanted, family)];
  const tables = new Set([...expected.keys(), ...actual.keys()]);
  for (const table of tables) {
    const now = new Map([...(actual.get(table)?.chains ?? []), ...(actual.get(table)?.builtIn ?? [])]);
    const then = new Map([...(expected.get(table)?.chains ?? []), ...(expected.get(table)?.builtIn ?? [])]);
    for (const chain of new Set([...then.keys(), ...now.keys()])) {
      const rules = (list: readonly { readonly rule: Rule }[] | undefined): Rule[] =>
        (list ?? []).map(({ rule }) => rule);
      const found = compareChains(rules(then.get(chain)), rules(now.get(chain)), ids);
      for (const { kind, rule } of found) {
        differences.push({ kind, family, table, chain, rule: savedWords(rule, ids).join(" ") });
      }
    }
  }
  return [...differences, ...shadowed(saved, family)];
}

function compareChains(
  wanted: readonly Rule[],
  actual: readonly Rule[],
  ids: IdResolver | undefined,
): readonly { readonly kind: "missing" | "extra" | "reordered"; readonly rule: Rule }[] {
  const remaining = new Map<string, Rule[]>();
  for (const rule of actual) {
    const key = ruleKey(rule, ids);
    remaining.set(key, [...(remaining.get(key) ?? []), rule]);
  }
  const missing = wanted.filter((rule) => remaining.get(ruleKey(rule, ids))?.shift() === undefined);
  const extra = [...remaining.values()].flat();
  if (missing.length + extra.length > 0) {
    return [
      ...missing.map((rule) => ({ kind: "missing", rule }) as const),
      ...extra.map((rule) => ({ kind: "extra", rule }) as const),
    ];
  }
  const moved = actual.find((rule, i) => ruleKey(rule, ids) !== keyOf(wanted[i], ids));
  return moved === undefined ? [] : [{ kind: "reordered", rule: moved }];
}

function keyOf(rule: Rule | undefined, ids: IdResolver | undefined): string | undefined {
  return rule === undefined ? undefined : ruleKey(rule, ids);
}

/** Rules of ours in built-in chains that come after a foreign rule which ends the evaluation for some packets. */
function shadowed(saved: readonly SavedTable[], family: Family): readonly Difference[] {
  const own = ownStateOf(saved);
  return saved.flatMap(({ name, chains }) => {
    const table = name as Table;
    return chains
      .filter((chain) => isBuiltIn(chain.name))
      .flatMap((chain): readonly Difference[] => {
        const ours = new Set(
          own
            .get(table)
            ?.builtIn.get(chain.name)
            ?.map(({ rule }) => rule),
        );
        const before = chain.rules.findIndex((rule) => ours.has(rule));
        if (before < 1) return [];
        const by = chain.rules.slice(0, before).find(({ target }) => ENDS.has(target.kind) || isTranslation(target));
        const rule = chain.rules[before];
        if (by === undefined || rule === undefined) return [];
        const words = { rule: rule.words.join(" "), by: by.words.join(" ") };
        return [{ kind: "shadowed", family, table, chain: chain.name, ...words }];
      });
  });
}

const ENDS: ReadonlySet<string> = new Set(["accept", "drop", "return", "redirect", "jump", "goto"]);

function isTranslation(target: Rule["target"]): boolean {
  return target.kind === "opaque" && /^(?:DNAT|REJECT|NETMAP)$/.test(target.words[1] ?? "");
}

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { generate, type RuleSet, renderNftables } from "@weftmesh/iptables-gen";
import { compareAll } from "../iptables-gen/compare.js";
import { type GoldenCase, goldenCases } from "../iptables-gen/golden-cases.js";
import { notUnderstood, type Outcome, type Suite } from "./suite.js";

type Golden =
  | { readonly transaction: string }
  /** The kernel refuses what the original writes: a jump to a chain that it never creates. */
  | { readonly referenceFails: string };

/** The transactions of istio's native nftables mode. */
export const suite: Suite = {
  name: "nftables",
  *cases(dir) {
    for (const file of readdirSync(dir).filter((name) => name.endsWith(".json"))) {
      if (file !== "cases.json") {
        yield notUnderstood(file, "a file this adapter does not know");
        continue;
      }
      const { cases } = JSON.parse(readFileSync(join(dir, file), "utf8")) as {
        readonly cases: Readonly<Record<string, GoldenCase<Golden>>>;
      };
      for (const [name, golden] of Object.entries(cases)) yield* goldenCases(name, golden, judgeText);
    }
  },
};

function judgeText(rules: RuleSet, golden: Golden): Outcome {
  if ("transaction" in golden) {
    return compareAll(["transaction", golden.transaction.trim(), renderNftables(rules).trim()]);
  }
  const fixed = renderNftables(generate({ ...rules.options, compat: "fixed" }));
  return compareAll(
    ["strict: chains jumped to and never created", true, danglingJumps(renderNftables(rules)).length > 0],
    ["fixed: chains jumped to and never created", [], danglingJumps(fixed)],
  );
}

function danglingJumps(text: string): readonly string[] {
  const chains = new Set([...text.matchAll(/^add chain inet (\S+ \S+)/gm)].map(([, chain]) => chain));
  const jumps = [...text.matchAll(/rule inet (\S+) .* jump (\S+)$/gm)].map(([, table, chain]) => `${table} ${chain}`);
  return jumps.filter((jump) => !chains.has(jump));
}

import { CHAIN_PREFIX, NFT_TABLES, nftChainName } from "../chains.js";
import { ruleKey } from "../normal-form.js";
import type { SavedRule, SavedTable } from "../parse/iptables-save.js";
import { listedRule } from "../render/nft-list.js";
import { familyRules, type RuleSet } from "../rule-set.js";
import { readLiveRules, readNativeRules, runnerFor, type SavedRules } from "../shell/machine-rules.js";
import { readNativeFile, readRuleFile } from "../shell/rule-file.js";
import { nativeKey, placeNativeRules } from "../verify-nft.js";
import type { NativeSource, SavedSource } from "../walk/walk.js";
import { type Input, readInput, refuseWords } from "./input.js";
import type { Terminal } from "./main.js";
import { rulesOf } from "./wanted-rules.js";

/** One rule of ours on a machine. */
interface Line {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly rule: string;
  readonly packets: number;
  readonly why: string;
}

/** `weft-iptables report [flags]`: how many packets each rule of ours took, with the reason it exists where the flags tell it. */
export async function report(terminal: Terminal, argv: readonly string[]): Promise<number> {
  const input = await readInput(terminal, argv, { own: [{ long: "rules", type: "string" }] });
  refuseWords(input);
  const found = sourceOf(input);
  const wanted = rulesOf(input, terminal);
  const lines = "native" in found ? nativeLines(found.native, wanted) : savedLines(found.saved as SavedRules, wanted);
  if (input.has("json")) terminal.stdout(`${JSON.stringify(lines, null, 2)}\n`);
  else {
    for (const { family, table, chain, rule, packets, why } of lines) {
      terminal.stdout(
        `${String(packets).padStart(8)} ${family} ${table} ${chain} ${rule}${why === "" ? "" : `    # ${why}`}\n`,
      );
    }
  }
  return 0;
}

function sourceOf(input: Input): SavedSource | NativeSource {
  const { nativeNftables: native, networkNamespace } = input.flags.settings;
  const file = input.text("rules");
  if (file !== undefined) return native ? { native: readNativeFile(file) } : { saved: readRuleFile(file) };
  const runner = runnerFor(networkNamespace);
  return native ? { native: readNativeRules(runner) } : readLiveRules(runner);
}

function savedLines(saved: SavedRules, wanted: RuleSet): readonly Line[] {
  return (["ipv4", "ipv6"] as const).flatMap((family) => {
    const reasons = new Map(familyRules(wanted, family).map((rule) => [ruleKey(rule), rule.why]));
    return saved[family].flatMap(({ name: table, chains }) =>
      chains
        .flatMap((chain) => chain.rules)
        .filter(isOurs)
        .map((rule) => {
          const why = reasons.get(ruleKey(rule)) ?? "";
          return { family, table, chain: rule.chain, rule: rule.words.join(" "), packets: rule.packets ?? 0, why };
        }),
    );
  });
}

function isOurs({ chain, target }: SavedRule): boolean {
  return chain.startsWith(CHAIN_PREFIX) || (target.kind === "jump" && target.chain.startsWith(CHAIN_PREFIX));
}

/** Native tables are ours as a whole. */
function nativeLines(native: readonly SavedTable[], wanted: RuleSet): readonly Line[] {
  return NFT_TABLES.flatMap(({ table, name }) => {
    const reasons = new Map(
      [...placeNativeRules(wanted, table).values()].flat().map((rule) => [nativeKey(rule), rule.why]),
    );
    const chains = native.find((one) => one.name === table)?.chains ?? [];
    return chains.flatMap(({ name: chain, rules }) =>
      rules.map((rule) => {
        const why = reasons.get(nativeKey(rule)) ?? "";
        const place = { family: "inet", table: name, chain: nftChainName(chain) };
        return { ...place, rule: listedRule(rule), packets: rule.packets ?? 0, why };
      }),
    );
  });
}

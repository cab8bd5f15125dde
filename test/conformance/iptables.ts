import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type RuleSet, renderRestore } from "@weftmesh/iptables-gen";
import { compareAll } from "../iptables-gen/compare.js";
import { type FlagTable, flagCases } from "../iptables-gen/flag-cases.js";
import { type GoldenCase, goldenCases } from "../iptables-gen/golden-cases.js";
import { type PacketFile, packetCases } from "../iptables-gen/packet-cases.js";
import { runScenario, type Scenario } from "../iptables-gen/scenario-case.js";
import { type UnitVectors, unitCases } from "../iptables-gen/unit-cases.js";
import { type Case, notUnderstood, type Outcome, type Suite } from "./suite.js";

interface Golden {
  readonly restoreV4: string;
  readonly restoreV6: string;
}

/** Cases, scenarios, packets, flags and unit vectors of istio-iptables. */
export const suite: Suite = {
  name: "iptables",
  *cases(dir) {
    for (const file of readdirSync(dir).filter((name) => name.endsWith(".json"))) {
      yield* casesOfFile(file, JSON.parse(readFileSync(join(dir, file), "utf8")));
    }
  },
};

function* casesOfFile(file: string, data: unknown): Iterable<Case> {
  switch (file) {
    case "cases.json": {
      const { cases } = data as { readonly cases: Readonly<Record<string, GoldenCase<Golden>>> };
      for (const [name, golden] of Object.entries(cases)) yield* goldenCases(name, golden, judgeText);
      return;
    }
    case "scenarios.json": {
      const { scenarios } = data as { readonly scenarios: Readonly<Record<string, Scenario>> };
      for (const [name, scenario] of Object.entries(scenarios)) {
        yield { name: `scenarios/${name}`, run: () => runScenario(scenario) };
      }
      return;
    }
    case "flags.json":
      yield* flagCases(data as FlagTable);
      return;
    case "packets.json":
      yield* packetCases(data as PacketFile);
      return;
    case "unit.json":
      yield* unitCases(data as UnitVectors);
      return;
    default:
      yield notUnderstood(file, "a file this adapter does not know");
  }
}

function judgeText(rules: RuleSet, { restoreV4, restoreV6 }: Golden): Outcome {
  return compareAll(
    ["restoreV4", restoreV4.trim(), renderRestore(rules, "ipv4").trim()],
    ["restoreV6", restoreV6.trim(), renderRestore(rules, "ipv6").trim()],
  );
}

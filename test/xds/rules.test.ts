import { readdirSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { expect, test } from "vitest";

/** Who a rule concerns, and in which variants: `S` server, `C` client; `sotw`, `delta`, or both where they agree. */
const RULES = {
  ...{ V1: "S sotw delta", V2: "S", V3: "S C", V4: "S C", V5: "S C sotw delta", V6: "S C sotw delta" },
  ...{ V7: "C", V8: "S C sotw delta" },
  ...{ S1: "S C sotw", S2: "S C sotw delta", S3: "S sotw delta", S4: "S sotw", S5: "S sotw delta", S6: "S C sotw" },
  ...{ S7: "S C sotw", S8: "S C sotw delta", S9: "C sotw delta", S10: "C sotw delta", S11: "C sotw delta", S12: "S C" },
  ...{ D1: "S C delta", D2: "S delta", D3: "S sotw delta", D4: "S sotw delta", D5: "S C sotw delta", D6: "S C delta" },
  ...{ D7: "S C delta", D8: "S C sotw delta", D9: "S C delta", D10: "S C delta", D11: "S C delta", D12: "S C delta" },
  ...{ O1: "S sotw delta", O2: "S C sotw delta", O3: "S sotw delta", O4: "S C", O5: "S delta", O6: "S C" },
  ...{
    E1: "C sotw delta",
    E2: "C sotw delta",
    E3: "C sotw delta",
    E4: "C sotw delta",
    E5: "S C",
    E6: "S C sotw delta",
  },
  E7: "C sotw delta",
  ...{ N1: "S C", N2: "S", N3: "S C delta", N4: "S C sotw delta", N5: "S C sotw delta", N6: "C", N7: "C", N8: "S C" },
  ...{ N9: "C", N10: "C", L1: "S C", L2: "S C", L3: "S C", L4: "S C", F1: "C", F2: "S sotw delta", F3: "S", F4: "S" },
} as const satisfies Readonly<Record<string, string>>;

test("every rule has a test that is named by its id, for each side and variant it concerns", () => {
  const tested = new Set<string>();
  for (const file of readdirSync(import.meta.dirname, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".test.ts") || file === "rules.test.ts") continue;
    for (const { ids, sides, variants } of titlesOf(file)) {
      for (const id of ids) for (const of of [...sides, ...variants]) tested.add(`${id} ${of}`);
    }
  }
  const wanted = Object.entries(RULES).flatMap(([id, concerns]) => concerns.split(" ").map((of) => `${id} ${of}`));
  expect(wanted.filter((each) => !tested.has(each))).toEqual([]);
});

interface Title {
  readonly ids: readonly string[];
  readonly sides: readonly string[];
  readonly variants: readonly string[];
}

/** The titles that name rules. The side is that of the folder or the group, both where a test runs both ends. */
function titlesOf(file: string): readonly Title[] {
  const titles: Title[] = [];
  const folder = file.split(sep)[0];
  let group = "";
  const text = readFileSync(join(import.meta.dirname, file), "utf8");
  for (const part of text.split(/^(?=\s*(?:test|describe)(?:\.each)?[(<])/m)) {
    if (/^\s*describe/.test(part)) group = part;
    const side = /^(?:server|client)$/.exec(folder ?? "")?.[0] ?? /"(server|client),/.exec(group)?.[1];
    const sides = side === undefined ? ["S", "C"] : [side === "server" ? "S" : "C"];
    const shown = `${group}${part}`;
    const both = /VARIANTS/.test(shown);
    const variants = [
      ...(both || /sotw|state of the world/i.test(shown) ? ["sotw"] : []),
      ...(both || /delta/i.test(shown) ? ["delta"] : []),
    ];
    for (const [, ids = ""] of part.matchAll(/"((?:[A-Z]\d+(?:, )?)+): /g)) {
      titles.push({ ids: ids.split(", "), sides, variants });
    }
  }
  return titles;
}

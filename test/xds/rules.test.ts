import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

/** The rules of the protocol checklist by letter: framing, state of the world, delta, order, errors, naming, services, flow. */
const COUNTS = { V: 8, S: 12, D: 12, O: 6, E: 7, N: 10, L: 4, F: 4 } as const;

test("every rule has a test that is named by its id", () => {
  const tested = new Set<string>();
  for (const file of readdirSync(import.meta.dirname, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".test.ts")) continue;
    const text = readFileSync(join(import.meta.dirname, file), "utf8");
    for (const [, ids = ""] of text.matchAll(/"((?:[A-Z]\d+(?:, )?)+): /g))
      for (const id of ids.split(", ")) tested.add(id);
  }
  const rules = Object.entries(COUNTS).flatMap(([letter, count]) =>
    Array.from({ length: count }, (_, index) => `${letter}${index + 1}`),
  );
  expect(rules.filter((rule) => !tested.has(rule))).toEqual([]);
});

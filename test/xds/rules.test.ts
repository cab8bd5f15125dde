import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

/** The rules of the protocol checklist by letter: framing, state of the world, delta, order, errors, naming, services, flow. */
const COUNTS = { V: 8, S: 12, D: 12, O: 6, E: 7, N: 10, L: 4, F: 4 } as const;

/** Rules nothing here implements yet, with what is missing. */
const NOT_YET: Readonly<Record<string, string>> = {
  N7: "authorities of Envoy",
  N10: "persisted configuration, validators",
  F1: "pausing the stream for watchers (they skip states in place of that)",
};

test("every rule has a test that is named by its id, or a line that says what is missing", () => {
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
  expect(rules.filter((rule) => !tested.has(rule))).toEqual(rules.filter((rule) => rule in NOT_YET));
});

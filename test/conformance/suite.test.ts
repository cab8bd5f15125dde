import { describe, expect, test } from "vitest";
import { type Case, formatFailure, notUnderstood, runSuite } from "./suite.js";

const suite = (cases: readonly Case[]) => ({ name: "probe", cases: () => cases });

describe("a conformance run", () => {
  test("counts what passes and keeps what fails, in order", async () => {
    const tally = await runSuite(
      suite([
        { name: "a", run: () => ({ ok: true }) },
        { name: "b", run: () => ({ ok: false, expected: 1, got: 2 }) },
        { name: "c", run: async () => ({ ok: true }) },
        notUnderstood("d.json", "format 7"),
      ]),
      "",
    );
    expect(tally.passed).toBe(2);
    expect(tally.failures).toEqual([
      { name: "b", expected: 1, got: 2 },
      { name: "d.json", expected: "a case this adapter understands", got: "format 7" },
    ]);
  });

  test("takes a throw for a failure and goes on", async () => {
    const error = new Error("no such policy");
    const tally = await runSuite(
      suite([
        { name: "a", run: () => Promise.reject(error) },
        { name: "b", run: () => ({ ok: true }) },
      ]),
      "",
    );
    expect(tally).toEqual({ passed: 1, failures: [{ name: "a", expected: "no exception", got: error }] });
  });

  test("fails when the adapter cannot list its cases", async () => {
    const broken = {
      name: "probe",
      *cases(): Iterable<Case> {
        yield { name: "a", run: () => ({ ok: true }) };
        throw new SyntaxError("cases.json");
      },
    };
    const tally = await runSuite(broken, "");
    expect([tally.passed, tally.failures.length]).toEqual([1, 1]);
  });
});

describe("the line of a failing case", () => {
  test("shows both values where they part", () => {
    const same = "x".repeat(500);
    const line = formatFailure({ name: "long", expected: `${same}ONE`, got: `${same}TWO` });
    expect(line).toContain("ONE");
    expect(line).toContain("TWO");
    expect(line.length).toBeLessThan(400);
  });

  test("is one line, whatever the values are", () => {
    const line = formatFailure({ name: "n", expected: { rules: "a\nb", id: 2n ** 63n }, got: new Error("bad\nthing") });
    expect(line).not.toContain("\n");
    expect(line).toContain("9223372036854775808n");
  });
});

import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { suite } from "../conformance/cert.js";
import { conformanceDir, formatFailure, runSuite } from "../conformance/suite.js";

const dir = conformanceDir("cert");

describe("conformance data of SPIFFE identities", () => {
  test.skipIf(!existsSync(dir))("all cases have their verdict (skipped where the data is absent)", async () => {
    const { passed, failures } = await runSuite(suite, dir);
    expect(failures.map((failure) => formatFailure(failure))).toEqual([]);
    expect(passed).toBeGreaterThan(200);
  });
});

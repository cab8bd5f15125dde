import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { suite as envoyLb } from "../conformance/envoy-lb.js";
import { suite as lb } from "../conformance/lb.js";
import { conformanceDir, formatFailure, runSuite } from "../conformance/suite.js";

describe.each([lb, envoyLb])("conformance suite $name", (suite) => {
  const dir = conformanceDir(suite.name);

  test.skipIf(!existsSync(dir))(
    "every public case holds (skipped where the data is not beside the repository)",
    async () => {
      const { passed, failures } = await runSuite(suite, dir);
      expect(failures.map((failure) => formatFailure(failure))).toEqual([]);
      expect(passed).toBeGreaterThan(0);
    },
    120_000,
  );
});

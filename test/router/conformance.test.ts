import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { suite as filterChains } from "../conformance/envoy-filter-chain.js";
import { suite as rbac } from "../conformance/envoy-rbac.js";
import { suite as routes } from "../conformance/envoy-routes.js";
import { suite as check } from "../conformance/router-check.js";
import { conformanceDir, formatFailure, runSuite } from "../conformance/suite.js";

describe.each([check, routes, rbac, filterChains])("conformance suite $name", (suite) => {
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

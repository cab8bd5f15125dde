import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { suite as iptables } from "../conformance/iptables.js";
import { suite as random } from "../conformance/iptables-random.js";
import { suite as nftables } from "../conformance/nftables.js";
import { conformanceDir, formatFailure, runSuite } from "../conformance/suite.js";

describe.each([iptables, nftables, random])("conformance suite $name", (suite) => {
  const dir = conformanceDir(suite.name);

  it.skipIf(!existsSync(dir))(
    `every case passes (skipped where ${suite.name} is not beside the repository)`,
    async () => {
      const { passed, failures } = await runSuite(suite, dir);
      expect(failures.map((failure) => formatFailure(failure))).toEqual([]);
      expect(passed).toBeGreaterThan(0);
    },
    60_000,
  );
});

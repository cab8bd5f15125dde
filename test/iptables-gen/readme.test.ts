import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { flagTable } from "./flag-table.js";

it("the README's table of flags is the one of the code", () => {
  const readme = readFileSync(new URL("../../packages/iptables-gen/README.md", import.meta.url), "utf8");
  expect(readme).toContain(flagTable());
});

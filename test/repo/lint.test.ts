import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { inRepository } from "./workspace.js";

const AMBIENT = `export const chance = (): number => Math.random();
export const now = (): number => Date.now();
export const elapsed = (): number => performance.now();
export const wait = (): unknown => setTimeout(() => undefined, 5);
export const seed = (): unknown => crypto.getRandomValues(new Uint8Array(1));
export const pid = (): number => process.pid;
`;

const CORE = ["packages/probe/src/now.ts", "packages/probe/src/match/now.ts"];
const SHELL = ["packages/probe/src/cli.ts", "packages/probe/src/cli/now.ts", "packages/probe/src/shell/now.ts"];

describe("lint ban on ambient time and chance", () => {
  let dir = "";
  let findings: readonly string[] = [];

  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), "weftmesh-lint-"));
    for (const path of ["biome.jsonc", ".gitignore", "tools/lint"]) {
      cpSync(inRepository(path), join(dir, path), { recursive: true });
    }
    for (const path of [...CORE, ...SHELL, "test/probe/now.ts"]) {
      mkdirSync(dirname(join(dir, path)), { recursive: true });
      writeFileSync(join(dir, path), AMBIENT);
    }
    const { stdout } = spawnSync(inRepository("node_modules/.bin/biome"), ["lint", "--reporter=github", "."], {
      cwd: dir,
      encoding: "utf8",
    });
    findings = stdout.split("\n").filter((line) => line.startsWith("::error"));
  });

  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  test.each(CORE)("fires on every line of %s", (path) => {
    const lines = findings
      .filter((finding) => finding.includes(`/${path},`))
      .map((finding) => Number(/,line=(\d+)/.exec(finding)?.[1]));
    expect([...new Set(lines)].toSorted()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test.each([...SHELL, "test/probe/now.ts"])("leaves %s alone", (path) => {
    expect(findings.filter((finding) => finding.includes(`/${path},`))).toEqual([]);
  });
});

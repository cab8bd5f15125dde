import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { conformanceDir } from "../conformance/suite.js";
import { inRepository } from "./workspace.js";

describe("npx pnpm conform", () => {
  const run = (...args: readonly string[]) =>
    spawnSync(process.execPath, [inRepository("test/dist/conformance/main.js"), ...args], {
      encoding: "utf8",
    });

  test("refuses an unknown suite with the list of suites and exit 2", () => {
    const { status, stderr } = run("no-such-suite");
    expect(status).toBe(2);
    expect(stderr).toContain("iptables, nftables");
  });

  test("lists suites whose folders are there, where the public data is", () => {
    const suites = run("--list").stdout.trim().split("\n");
    const data = conformanceDir("");
    const folders = existsSync(data) ? readdirSync(data) : suites;
    expect(suites.filter((suite) => !folders.includes(suite))).toEqual([]);
  });

  test("fails on a directory in which nothing ran", () => {
    const empty = mkdtempSync(join(tmpdir(), "weftmesh-empty-"));
    const { status, stdout } = run("cert", empty);
    rmSync(empty, { recursive: true });
    expect(status).toBe(1);
    expect(stdout.trimEnd().split("\n").at(-1)).toMatch(/^\d+ passed, \d+ failed$/);
  });
});

/** Runs once before the repository checks, after the build: packs each package, as publishing would. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename } from "node:path";
import type { TestProject } from "vitest/node";
import { repositoryRoot } from "../conformance/suite.js";

declare module "vitest" {
  export interface ProvidedContext {
    /** The packed packages. */
    packed: { readonly dir: string; readonly tarballs: readonly string[] };
  }
}

/** Packs, and returns what removes the tarballs again. */
export function setup(project: TestProject): () => void {
  const dir = mkdtempSync(`${tmpdir()}/weftmesh-packed-`);
  const [command, first] = pnpm();
  const args = ["-r", "--filter", "./packages/*", "pack", "--pack-destination", dir];
  const pack = spawnSync(command, [...first, ...args], { cwd: repositoryRoot, encoding: "utf8" });
  if (pack.status !== 0) throw new Error(`pnpm pack failed:\n${pack.stdout}${pack.stderr}`);
  project.provide("packed", { dir, tarballs: readdirSync(dir).sort() });
  return () => rmSync(dir, { recursive: true, force: true });
}

/** The pnpm that runs this, or the one npx brings: `pnpm` itself need not be on the PATH. */
function pnpm(): readonly [string, readonly string[]] {
  const runner = process.env["npm_execpath"];
  return runner !== undefined && basename(runner).startsWith("pnpm") ? [runner, []] : ["npx", ["--yes", "pnpm"]];
}

/** Runs once before tests that look at built files or start them: builds everything that is out of date. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { repositoryRoot } from "../conformance/suite.js";

declare module "vitest" {
  export interface ProvidedContext {
    /** What the build printed: nothing, if all is well. */
    buildOutput: string;
  }
}

/** Builds. A failing build fails the test that looks at its output; it must not keep every other test from running. */
export function setup(project: TestProject): void {
  const tsc = join(repositoryRoot, "node_modules/.bin/tsc");
  const { stdout, stderr } = spawnSync(tsc, ["-b"], { cwd: repositoryRoot, encoding: "utf8" });
  project.provide("buildOutput", stdout + stderr);
}

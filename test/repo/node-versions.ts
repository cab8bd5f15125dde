/** The node versions the packages must run on, from the npm package `node`. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inRepository } from "./workspace.js";

/** Every major version that is supported. */
export const NODE_MAJORS = [20, 22, 24] as const;

/**
 * The binary of a major version: the one that runs this, or one that is installed once into `.peers/`.
 *
 * @throws Error if npm cannot install it: a version that was not tried must not look tested.
 */
export function nodeBinary(major: number): string {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath;
  const dir = inRepository(".peers", `node-${major}`);
  const binary = join(dir, "node_modules", "node", "bin", "node");
  if (!existsSync(binary)) {
    mkdirSync(dir, { recursive: true });
    // The package's install script puts the binary in place; newer versions of npm ask for it to be allowed.
    writeFileSync(join(dir, "package.json"), JSON.stringify({ private: true, allowScripts: { node: true } }));
    const install = npm(["install", `node@${major}`], dir);
    if (!existsSync(binary)) throw new Error(`npm could not install node ${major}: ${install}`);
  }
  return binary;
}

/** Runs npm quietly and returns what it printed. */
export function npm(args: readonly string[], cwd: string): string {
  const quiet = ["--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"];
  const { stdout, stderr, status } = spawnSync("npm", [...args, ...quiet], { cwd, encoding: "utf8" });
  if (status !== 0) throw new Error(`npm ${args.join(" ")} in ${cwd}: ${stdout}${stderr}`);
  return stdout + stderr;
}

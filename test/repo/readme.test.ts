import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { commentExamples, type Example, firstExample, readmeExamples } from "./examples.js";
import { inRepository, packages } from "./workspace.js";

const readmes = readmeExamples();
const examples: readonly Example[] = [...readmes, ...commentExamples()];

/** Below the root, so that the packages resolve as they do for a user who installed them. */
const dir = inRepository(".peers", "examples");
const TSCONFIG = {
  extends: "../../tsconfig.base.json",
  compilerOptions: {
    rootDir: "src",
    outDir: "out",
    composite: false,
    declaration: false,
    declarationMap: false,
    isolatedDeclarations: false,
    noUnusedLocals: false,
    customConditions: [],
  },
  include: ["src"],
};

describe("examples", () => {
  let compiled = "";

  beforeAll(() => {
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(join(dir, "src"), { recursive: true });
    writeFileSync(join(dir, "package.json"), JSON.stringify({ type: "module" }));
    writeFileSync(join(dir, "tsconfig.json"), JSON.stringify(TSCONFIG));
    // The empty export makes a module of an example without imports.
    for (const { slug, code } of examples) writeFileSync(join(dir, "src", `${slug}.ts`), `${code}\nexport {};\n`);
    compiled = spawnSync(inRepository("node_modules/.bin/tsc"), ["-p", dir], { cwd: dir, encoding: "utf8" }).stdout;
  });

  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  test.each(packages)("the README of $folder opens with one", (each) => {
    expect(firstExample(each.dir)).toBeDefined();
  });

  test("the README of the repository has one for each of its uses", () => {
    expect(readmes.filter(({ name }) => name.startsWith("README.md")).length).toBeGreaterThanOrEqual(3);
  });

  test.each(examples)("$name compiles", ({ slug }) => {
    expect(compiled.split("\n").filter((line) => line.includes(`${slug}.ts`))).toEqual([]);
  });

  test.concurrent.each(examples)("$name runs", { timeout: 30_000 }, async ({ slug }) => {
    const { code, stderr } = await run(join(dir, "out", `${slug}.js`));
    expect(stderr).toBe("");
    expect(code).toBe(0);
  });

  test.each(packages)("the first example of $folder prints something", { timeout: 30_000 }, async (each) => {
    const { stdout } = await run(join(dir, "out", `${firstExample(each.dir)?.slug}.js`));
    expect(stdout).not.toBe("");
  });
});

async function run(file: string): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const child = spawn(process.execPath, [file], { cwd: dir, stdio: ["ignore", "pipe", "pipe"], timeout: 25_000 });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code: code ?? -1, stdout, stderr };
}

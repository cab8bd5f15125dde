import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { descriptorSet } from "./descriptors.js";

const run = promisify(execFile);
const generator = fileURLToPath(new URL("../../tools/schema/", import.meta.url));
const committed = fileURLToPath(new URL("../../packages/xds-types/src/gen/", import.meta.url));
/** Written by hand. */
const notGenerated = ["SOURCE"];

function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => statSync(join(folder, path)).isFile() && !notGenerated.includes(path))
    .sort();
}

// What `npx pnpm generate` does, step by step and beside the sources.
describe("the generator", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "weft-schema-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test("makes the committed TypeScript of the committed descriptors, byte for byte", async () => {
    const script = join(folder, "main.mjs");
    await build({
      entryPoints: [join(generator, "src/main.ts")],
      outfile: script,
      bundle: true,
      platform: "node",
      format: "esm",
    });
    const set = join(folder, "committed.binpb");
    const made = join(folder, "gen");
    writeFileSync(set, descriptorSet);
    await run(process.execPath, [script, set, made, join(folder, "copy.br")]);
    expect(filesIn(made)).toEqual(filesIn(committed));
    const different = filesIn(made).filter(
      (path) => Buffer.compare(readFileSync(join(made, path)), readFileSync(join(committed, path))) !== 0,
    );
    expect(different).toEqual([]);
  }, 60_000);

  test("reads the committed descriptors out of the pinned Go modules", async ({ skip }) => {
    const set = join(folder, "read.binpb");
    try {
      await run("go", ["run", ".", "-out", set], { cwd: generator });
    } catch (error) {
      if ((process.env["WEFTMESH_REQUIRE"] ?? "").split(",").includes("go")) throw error;
      skip(`go, or the modules, are not to be had: ${(error as Error).message.split("\n")[0]}`);
    }
    expect(Buffer.compare(readFileSync(set), descriptorSet)).toBe(0);
  }, 240_000);
});

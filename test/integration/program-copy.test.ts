/** What a copied program needs is in the copy, wherever a package keeps it. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { copyProgram } from "../../examples/mesh/dist/program-copy.js";

test("an installed package that ships a tsconfig.json and runs from src/ is copied whole", () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "program-copy-")));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const from = join(folder, "from");
  const files: Readonly<Record<string, string>> = {
    "package.json": '{ "type": "module", "dependencies": { "dep": "1" } }',
    "tsconfig.json": "{}",
    "src/main.ts": "",
    "dist/main.js": 'import dep from "dep"; process.stdout.write(dep);',
    // As protobufjs is packed.
    "node_modules/dep/package.json": '{ "name": "dep", "version": "1.0.0", "main": "index.js" }',
    "node_modules/dep/tsconfig.json": "{}",
    "node_modules/dep/index.js": 'module.exports = require("./src/index-minimal");',
    "node_modules/dep/src/index-minimal.js": 'module.exports = "whole";',
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(from, path)), { recursive: true });
    writeFileSync(join(from, path), text);
  }

  const copy = copyProgram(join(from, "dist/main.js"), join(folder, "to"));
  rmSync(from, { recursive: true });
  const { status, stdout, stderr } = spawnSync(copy.node, [copy.file], { encoding: "utf8" });
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "whole", stderr: "" });
});

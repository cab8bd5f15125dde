import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { importsOf, inRepository, type Manifest, packageOf, packages, read } from "./workspace.js";

const packed = inject("packed");
let unpacked = "";

beforeAll(() => {
  unpacked = mkdtempSync(join(tmpdir(), "weftmesh-unpacked-"));
  for (const { folder } of packages) {
    const target = join(unpacked, folder);
    spawnSync("mkdir", ["-p", target]);
    spawnSync("tar", ["-xzf", tarball(folder), "-C", target, "--strip-components=1"]);
  }
});

afterAll(() => rmSync(unpacked, { recursive: true, force: true }));

test("everything builds, type tests included", () => {
  expect(inject("buildOutput")).toBe("");
});

describe.each(packages)("the tarball of $folder", ({ folder }) => {
  const manifest = (): Manifest => JSON.parse(read(join(unpacked, folder, "package.json"))) as Manifest;
  const files = (): readonly string[] =>
    readdirSync(join(unpacked, folder), { recursive: true, encoding: "utf8" }).map((path) =>
      path.replaceAll("\\", "/"),
    );

  test("passes publint --strict", async () => {
    const buffer = readFileSync(tarball(folder));
    const bytes = buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength) as ArrayBuffer;
    const { messages } = await publint({ strict: true, pack: { tarball: bytes } });
    expect(messages.map((message) => formatMessage(message, manifest() as never))).toEqual([]);
  });

  test("has types that resolve as its exports say", () => {
    const attw = inRepository("node_modules/.bin/attw");
    // A pattern is not followed by attw: every tenth of what it stands for is named.
    const some = behindPatterns(manifest(), files()).filter((_, i) => i % 10 === 0);
    const entries = some.length === 0 ? [] : ["--include-entrypoints", ...some.map((path) => path.slice(2))];
    const args = [tarball(folder), "--profile", "esm-only", "--format", "ascii", ...entries];
    const { stdout, status } = spawnSync(attw, args, {
      encoding: "utf8",
      maxBuffer: 2 ** 28,
    });
    expect(status, stdout).toBe(0);
  });

  test("holds no tests, no build state and the licence", () => {
    const stray = files().filter((path) =>
      /\.(test|spec|bench)\.|tsbuildinfo|testdata|node_modules|(^|\/)\.env/.test(path),
    );
    expect(stray).toEqual([]);
    expect(["LICENSE", "README.md", "package.json"].filter((path) => !files().includes(path))).toEqual([]);
  });

  test("holds every file its manifest names", () => {
    const { exports, bin } = manifest();
    const named = [
      ...Object.values(exports).flatMap((target) => (typeof target === "string" ? [target] : Object.values(target))),
      ...Object.values(bin ?? {}),
    ];
    const missing = named.filter((path) => !path.includes("*") && !existsSync(join(unpacked, folder, path)));
    expect(missing).toEqual([]);
  });

  test("holds code and types for every subpath of a pattern", () => {
    const { exports } = manifest();
    const all = files();
    const missing = Object.entries(exports).flatMap(([pattern, target]) => {
      if (typeof target === "string" || !pattern.includes("*")) return [];
      const stems = Object.values(target).map((each) => stemsOf(each, all));
      expect(stems[0]).not.toEqual([]);
      return stems.flatMap((each) => stems[0]?.filter((stem) => !each.includes(stem)) ?? []);
    });
    expect(missing).toEqual([]);
  });

  test("starts every command with a node line", () => {
    const commands = Object.values(manifest().bin ?? {});
    expect(commands.map((path) => read(join(unpacked, folder, path)).split("\n")[0])).toEqual(
      commands.map(() => "#!/usr/bin/env node"),
    );
  });

  test("declares exactly what its built files import", () => {
    const { name, imports, dependencies, optionalDependencies } = manifest();
    const texts = files()
      .filter((path) => /^(dist|bin)\/.*\.(js|d\.ts)$/.test(path))
      .map((path) => read(join(unpacked, folder, path)));
    const imported = texts
      .flatMap(importsOf)
      .map(({ specifier }) => specifier)
      // Node refuses a name of the package's own that is not among its `imports`.
      .filter((specifier) => !/^(\.|node:)/.test(specifier) && !Object.hasOwn(imports ?? {}, specifier))
      .map(packageOf)
      .filter((other) => other !== name);
    // What may be absent is loaded by `require` within a `try`.
    const optional = Object.keys(optionalDependencies ?? {}).filter((other) =>
      texts.some((text) => text.includes(`"${other}"`)),
    );
    const declared = Object.keys({ ...dependencies, ...optionalDependencies });
    expect(declared.toSorted()).toEqual([...new Set([...imported, ...optional])].toSorted());
  });
});

/** The subpaths that the patterns of a manifest stand for, such as `./envoy/config/route/v3`. */
function behindPatterns({ exports }: Manifest, all: readonly string[]): readonly string[] {
  return Object.entries(exports).flatMap(([pattern, target]) =>
    typeof target === "string" || !pattern.includes("*")
      ? []
      : stemsOf(target["default"] ?? "", all).map((stem) => pattern.replace("*", stem)),
  );
}

/** What `*` stands for in the files that `./dist/gen/*.js` names. */
function stemsOf(target: string, all: readonly string[]): readonly string[] {
  const [before = "", after = ""] = target.slice(2).split("*");
  return all
    .filter((path) => path.startsWith(before) && path.endsWith(after) && (after !== ".ts" || !path.endsWith(".d.ts")))
    .map((path) => path.slice(before.length, path.length - after.length));
}

function tarball(folder: string): string {
  const file = packed.tarballs.find((name) => new RegExp(`^weftmesh-${folder}-\\d`).test(name));
  if (file === undefined) throw new Error(`${folder} was not packed`);
  return join(packed.dir, file);
}

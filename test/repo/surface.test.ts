import { createHash } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { inRepository, type Package, packages, read } from "./workspace.js";

/** One name that a module exports. */
interface Name {
  readonly name: string;
  readonly typeOnly: boolean;
}

/** A subpath of a package with the source file behind it. */
interface Subpath {
  readonly specifier: string;
  readonly file: string;
  readonly source: string;
}

const LIST = /^export\s+(type\s+)?\{([^}]*)\}/gm;
const DECLARED =
  /^export\s+(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(interface|type|class|function\*?|const|let)\s+(\w+)/gm;

const subpaths = packages.flatMap(subpathsOf);

// A changed line in `surface/` is a changed public API. `npx pnpm test -u surface` rewrites the lists.
describe("public surface", () => {
  test.each(subpaths)("$specifier exports what is committed", async ({ file, source }) => {
    const lines = namesOf(read(source)).map(({ name, typeOnly }) => (typeOnly ? `type ${name}` : name));
    await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot(`surface/${file}.txt`);
  });

  test.each(subpaths)("$specifier exports its values at run time", async ({ specifier, source }) => {
    const values = namesOf(read(source))
      .filter(({ typeOnly }) => !typeOnly)
      .map(({ name }) => name);
    const module = (await import(specifier)) as Readonly<Record<string, unknown>>;
    expect(Object.keys(module).toSorted()).toEqual(values);
  });

  test.each(subpaths)("$specifier lists names one by one", ({ source }) => {
    expect(read(source)).not.toMatch(/^export \*/m);
  });

  test("the generated subpaths of xds-types are the committed ones", async () => {
    const generated = generatedSubpaths();
    const names = generated.map(({ path, file }) => `${path}: ${namesOf(read(file)).map(({ name }) => name)}`);
    const digest = createHash("sha256").update(names.join("\n")).digest("hex");
    const summary = [
      `subpaths ${generated.length}`,
      `names ${generated.reduce((sum, { file }) => sum + namesOf(read(file)).length, 0)}`,
      `sha256 of "subpath: names" lines ${digest}`,
    ];
    await expect(`${summary.join("\n")}\n`).toMatchFileSnapshot("surface/xds-types.generated.txt");
  });

  test("every committed list belongs to a subpath", () => {
    const expected = [...subpaths.map(({ file }) => `${file}.txt`), "xds-types.generated.txt"];
    expect(readdirSync(inRepository("test", "repo", "surface")).filter((file) => !expected.includes(file))).toEqual([]);
  });
});

function subpathsOf({ folder, dir, manifest }: Package): readonly Subpath[] {
  return Object.entries(manifest.exports).flatMap(([path, target]) => {
    if (typeof target === "string" || path.includes("*")) return [];
    return [
      {
        specifier: path === "." ? manifest.name : `${manifest.name}${path.slice(1)}`,
        file: path === "." ? folder : `${folder}${path.slice(1).replaceAll("/", ".")}`,
        source: join(dir, target["@weftmesh/source"] ?? ""),
      },
    ];
  });
}

/** One module a proto package, below `src/gen`, as the pattern in the manifest maps it. */
function generatedSubpaths(): readonly { readonly path: string; readonly file: string }[] {
  const owner = packages.find(({ folder }) => folder === "xds-types");
  return Object.entries(owner?.manifest.exports ?? {}).flatMap(([pattern, target]) => {
    const source = typeof target === "string" ? target : (target["@weftmesh/source"] ?? "");
    if (owner === undefined || !pattern.includes("*")) return [];
    const [before = "", after = ""] = source.split("*");
    const root = join(owner.dir, before);
    if (!existsSync(root)) return [];
    return readdirSync(root, { recursive: true, encoding: "utf8" })
      .map((path) => path.replaceAll("\\", "/"))
      .filter((path) => path.endsWith(after) && path.endsWith(".ts"))
      .map((path) => ({ path: pattern.replace("*", path.slice(0, -after.length)), file: join(root, path) }))
      .sort((a, b) => (a.path < b.path ? -1 : 1));
  });
}

function namesOf(text: string): readonly Name[] {
  const listed = [...text.matchAll(LIST)].flatMap(([, type, list = ""]) =>
    list
      .replaceAll(/\/\/.*$|\/\*[\s\S]*?\*\//gm, "")
      .split(",")
      .map((item) => item.trim())
      .filter((item) => item !== "")
      .map((item) => ({
        name: item.replace(/^type\s+/, "").replace(/^.*\sas\s+/, ""),
        typeOnly: type !== undefined || item.startsWith("type "),
      })),
  );
  const declared = [...text.matchAll(DECLARED)].map(([, kind = "", name = ""]) => ({
    name,
    typeOnly: kind === "interface" || kind === "type",
  }));
  // A name may be both a type and a value; the value is what counts at run time.
  const byName = new Map<string, Name>();
  for (const each of [...listed, ...declared]) {
    const known = byName.get(each.name);
    byName.set(each.name, { name: each.name, typeOnly: each.typeOnly && (known?.typeOnly ?? true) });
  }
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

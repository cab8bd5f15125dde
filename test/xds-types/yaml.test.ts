import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { describe, expect, test } from "vitest";
import { yaml as late } from "../../packages/xds-types/src/shell/yaml.js";
import { yaml } from "../../packages/xds-types/src/text/yaml.js";

const folder = new URL("../../packages/xds-types/", import.meta.url);

describe("the YAML library", () => {
  test("is not loaded by an import of the package in node", async () => {
    const { metafile } = await build({
      entryPoints: [fileURLToPath(new URL("src/index.ts", folder))],
      alias: { "#yaml": fileURLToPath(new URL("src/shell/yaml.ts", folder)) },
      bundle: true,
      write: false,
      metafile: true,
      format: "esm",
      platform: "node",
    });
    expect(Object.keys(metafile.inputs).filter((path) => path.includes("node_modules"))).toEqual([]);
  });

  test("is the same, loaded late", () => {
    expect(late().parseAllDocuments).toBe(yaml().parseAllDocuments);
    expect(late()).toBe(late());
  });

  // A bundler that took node's file would leave the library out of the bundle.
  test("bundlers are given the file that imports it", () => {
    const { imports } = JSON.parse(readFileSync(new URL("package.json", folder), "utf8")) as {
      imports: Record<string, Record<string, string>>;
    };
    expect(Object.keys(imports["#yaml"] ?? {})).toEqual(["@weftmesh/source", "module", "module-sync", "default"]);
    expect(imports["#yaml"]).toMatchObject({ module: "./dist/text/yaml.js", default: "./dist/text/yaml.js" });
  });
});

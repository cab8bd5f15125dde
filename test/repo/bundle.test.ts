import { build } from "esbuild";
import { describe, expect, test } from "vitest";
import { inRepository } from "./workspace.js";

/** What each package may load when it is imported, of everything outside it. */
const LOADS = [
  { name: "@weftmesh/xds-types", externals: ["lru-cache", "yaml"], node: false },
  { name: "@weftmesh/router", externals: ["ipaddr.js", "lru-cache", "re2js"], node: false },
  { name: "@weftmesh/lb", externals: ["ipaddr.js", "lru-cache"], node: false },
  { name: "@weftmesh/iptables-gen", externals: ["ipaddr.js", "koffi"], node: true },
  { name: "@weftmesh/cert", externals: ["lru-cache"], node: true },
] as const;

describe("what an import loads", () => {
  test.each(LOADS)("$name loads nothing but its own dependencies", async ({ name, externals }) => {
    const { packages } = await loaded(name);
    const foreign = packages.filter((each) => !(externals as readonly string[]).includes(each) && each !== "tslib");
    expect(foreign).toEqual([]);
  });

  test.each(LOADS.filter(({ node }) => !node))("$name runs where there is no node", async ({ name }) => {
    const { builtins } = await loaded(name);
    expect(builtins).toEqual([]);
  });
});

/**
 * Bundles the package as a web page would, and lists what went in or stayed outside. What is loaded by `import()`, when
 * it is used, does not count.
 */
async function loaded(
  name: string,
): Promise<{ readonly packages: readonly string[]; readonly builtins: readonly string[] }> {
  const result = await build({
    stdin: { contents: `import ${JSON.stringify(name)};`, resolveDir: inRepository() },
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["@weftmesh/source", "browser", "import"],
    external: ["node:*", "koffi"],
    ignoreAnnotations: true,
    logLevel: "silent",
  });
  const inputs = Object.entries(result.metafile.inputs);
  const modules = inputs.flatMap(([path]) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []);
  const ours = inputs.flatMap(([path]) => /^packages\/([^/]+)\//.exec(path)?.[1] ?? []);
  const outside = inputs
    .flatMap(([, input]) => input.imports.filter((each) => each.external === true && each.kind !== "dynamic-import"))
    .map(({ path }) => path);
  return {
    packages: [
      ...new Set([
        ...modules,
        ...ours.map((folder) => `@weftmesh/${folder}`).filter((each) => each !== name),
        ...outside.filter((path) => !path.startsWith("node:")),
      ]),
    ].sort(),
    builtins: [...new Set(outside.filter((path) => path.startsWith("node:")))].sort(),
  };
}

/** The entry for web pages: what it weighs, and that patterns are loaded by the tables that have some. */
import { gzipSync } from "node:zlib";
import { createRequest, fixedRandom, RouterError } from "@weftmesh/router";
import * as core from "@weftmesh/router/core";
import type { RouteConfiguration, RouteMatch } from "@weftmesh/xds-types/envoy/config/route/v3";
import { build } from "esbuild";
import { expect, test } from "vitest";

const table = (match: RouteMatch): RouteConfiguration => ({
  virtualHosts: [{ name: "shop", domains: ["*"], routes: [{ match, route: { cluster: "cart" } }] }],
});
const plain = table({ prefix: "/cart" });
const context = { random: fixedRandom(0), now: 0 };
const request = createRequest({ url: "http://shop/cart/7" });

async function bundle(entry: string) {
  const { outputFiles, metafile } = await build({
    stdin: { contents: `export * from ${JSON.stringify(entry)};`, resolveDir: import.meta.dirname },
    bundle: true,
    minify: true,
    splitting: true,
    write: false,
    metafile: true,
    outdir: "out",
    format: "esm",
    platform: "browser",
    conditions: ["@weftmesh/source", "browser", "import"],
    logLevel: "silent",
  });
  const [path = "", main] = Object.entries(metafile.outputs).find(([name]) => name.endsWith("stdin.js")) ?? [];
  const text = outputFiles.find((file) => file.path.endsWith(path.slice(path.lastIndexOf("/"))));
  return {
    inputs: Object.keys(main?.inputs ?? {}),
    all: Object.keys(metafile.inputs),
    gzip: gzipSync(text?.contents ?? "", { level: 9 }).length,
    loadedLater: (main?.imports ?? []).filter(({ kind }) => kind === "dynamic-import").length,
  };
}

test("the core is at most 60 KB compressed, without the engine, which is a chunk of its own", async () => {
  const { inputs, gzip, loadedLater } = await bundle("@weftmesh/router/core");
  expect(gzip).toBeLessThanOrEqual(60 * 1024);
  expect(inputs.filter((path) => /src\/regex\/(?!patterns\.ts)|lru-cache/.test(path))).toEqual([]);
  expect(loadedLater).toBe(1);
});

test.each(["@weftmesh/router", "@weftmesh/router/core"])(
  "%s bundles no gRPC, no protobuf, no node module",
  async (entry) => {
    const { all } = await bundle(entry);
    expect(all.filter((path) => /@grpc|grpc-js|protobuf|packages\/xds-types|^node:/.test(path))).toEqual([]);
  },
);

test("a table without patterns needs no engine", () => {
  expect(core.compileRoutes(plain).route(request, context)).toMatchObject({ kind: "forward", cluster: "cart" });
});

test.each<[string, RouteMatch]>([
  ["a path", { safeRegex: { regex: "/c[a-z]+/[0-9]" } }],
  ["a header", { prefix: "/", headers: [{ name: ":method", stringMatch: { safeRegex: { regex: "G.T" } } }] }],
  [
    "a template",
    {
      pathMatchPolicy: {
        typedConfig: {
          typeUrl: "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig",
          message: { pathTemplate: "/cart/{id}" },
        },
      },
    },
  ],
])("%s with a pattern is refused until the engine is there", async (_, match) => {
  const config = table(match);
  let refusal: unknown;
  try {
    core.compileRoutes(config);
  } catch (error) {
    refusal = error;
  }
  expect(refusal).toBeInstanceOf(RouterError);
  expect(refusal).toMatchObject({ code: "ERR_ROUTER_REGEX_ENGINE" });
  const compiled = await core.withPatterns((patterns) => core.compileRoutes(config, { patterns }));
  expect(compiled.route(request, context)).toMatchObject({ kind: "forward", cluster: "cart" });
});

test("withPatterns compiles once where once is enough, and passes every other problem on", async () => {
  let calls = 0;
  const compile = (config: RouteConfiguration) =>
    core.withPatterns((patterns) => {
      calls++;
      return core.compileRoutes(config, { patterns });
    });
  await compile(plain);
  expect(calls).toBe(1);
  await expect(compile({ virtualHosts: [{ name: "a", domains: [] }] })).rejects.toMatchObject({
    code: "ERR_ROUTER_FIELD_INVALID",
  });
  expect(calls).toBe(2);
  const both = compile({ virtualHosts: [...(table({ safeRegex: { regex: "(" } }).virtualHosts ?? []), { name: "b" }] });
  await expect(both).rejects.toMatchObject({
    issues: [{ code: "ERR_ROUTER_REGEX_SYNTAX" }, { code: "ERR_ROUTER_FIELD_INVALID" }],
  });
});

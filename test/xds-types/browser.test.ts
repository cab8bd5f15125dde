import { execFileSync } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { type BuildResult, build, type Metafile } from "esbuild";
import { beforeAll, describe, expect, test } from "vitest";
import { dumpDom, skipWithoutChromium } from "./chromium.js";

/** Uses every part of the core; `report` is where the figures go. */
const program = `
  import { Cluster } from "@weftmesh/xds-types/envoy/config/cluster/v3";
  import { parseResources } from "@weftmesh/xds-types";
  const cluster = Cluster.fromJson({ name: "é😀", connect_timeout: "0s" });
  const again = Cluster.decode(Cluster.encode(cluster));
  const { resources, issues } = parseResources("'@type': x/envoy.config.cluster.v3.Cluster\\nname: c\\n");
  let evaluated = "ran";
  try { new Function("return 1")(); } catch (error) { evaluated = error.name; }
  report(JSON.stringify({
    json: Cluster.toJson(again), broken: Cluster.check(again).length, read: resources.length, issues, evaluated,
  }));`;

const expected = {
  json: { name: "é😀", connectTimeout: "0s" },
  broken: 1,
  read: 1,
  issues: [],
  evaluated: "EvalError",
};

async function bundle(contents: string): Promise<BuildResult<{ write: false; metafile: true }>> {
  return await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL("../../", import.meta.url)) },
    bundle: true,
    write: false,
    metafile: true,
    format: "iife",
    platform: "browser",
    conditions: ["@weftmesh/source"],
    logLevel: "silent",
  });
}

function inputs({ inputs }: Metafile): string[] {
  return Object.keys(inputs).map((path) => path.replace(/^.*node_modules\//, ""));
}

describe("the core as a web page loads it", () => {
  let script = "";
  let loaded: string[] = [];
  beforeAll(async () => {
    const { outputFiles, metafile } = await bundle(program);
    script = outputFiles[0]?.text ?? "";
    loaded = inputs(metafile);
  });

  test("needs no module of node", () => {
    expect(script).not.toMatch(/["']node:/);
    expect(loaded.some((path) => path.includes("xds-types/src/wire/decode.ts"))).toBe(true);
  });

  test("types, codecs, JSON and checks of one message load nothing else: no protobuf library, no YAML", async () => {
    const { metafile } = await bundle(`
      import { Cluster } from "@weftmesh/xds-types/envoy/config/cluster/v3";
      report(Cluster.check(Cluster.fromJson({})));`);
    expect(inputs(metafile).filter((path) => !path.startsWith("packages/xds-types/") && path !== "<stdin>")).toEqual(
      [],
    );
  });

  test("runs in node with code generation from strings disabled", () => {
    const input = `globalThis.report = (text) => process.stdout.write(text);\n${script}`;
    const output = execFileSync(process.execPath, ["--disallow-code-generation-from-strings", "-"], { input });
    expect(JSON.parse(String(output))).toEqual(expected);
  });

  const skipped = skipWithoutChromium();
  test.skipIf(skipped !== undefined)(
    `runs in Chromium under script-src 'self' ${skipped ?? ""}`,
    async () => {
      const page =
        "<!doctype html><meta charset=utf-8><body><script src=report.js></script><script src=core.js></script>";
      const files: Readonly<Record<string, string>> = {
        "/": page,
        "/report.js": "globalThis.report = (text) => { document.body.textContent = text; };",
        "/core.js": script,
      };
      const server = createServer((request, response) => {
        const type = request.url === "/" ? "text/html" : "text/javascript";
        response.setHeader("content-type", `${type}; charset=utf-8`);
        response.setHeader("content-security-policy", "default-src 'none'; script-src 'self'");
        response.end(files[request.url ?? ""] ?? "");
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      try {
        const dom = await dumpDom(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
        expect(JSON.parse(/<body>(.*)<\/body>/.exec(dom)?.[1] ?? "null")).toEqual(expected);
      } finally {
        server.closeAllConnections();
        server.close();
      }
    },
    90_000,
  );
});

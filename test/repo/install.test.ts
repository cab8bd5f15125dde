import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { transform } from "esbuild";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { firstExample } from "./examples.js";
import { NODE_MAJORS, nodeBinary, npm } from "./node-versions.js";
import { type Package, packages } from "./workspace.js";

const packed = inject("packed");

/** What a newcomer's project needs besides the packages. */
const KINDS = [
  { kind: "ESM", type: "module", extra: [] },
  { kind: "CommonJS", type: "commonjs", extra: [] },
  { kind: "TypeScript", type: "module", extra: ["typescript@7.0.2", "@types/node@20.19.43"] },
] as const;

const TSCONFIG = {
  compilerOptions: {
    target: "es2023",
    module: "nodenext",
    strict: true,
    skipLibCheck: false,
    types: ["node"],
    rootDir: ".",
    outDir: "out",
  },
  include: ["use-*.ts"],
};

/** Says of each package whether both ways of loading it give the same names. */
const COMPARE = `
  const names = (module) => Object.keys(module).filter((name) => name !== "module.exports").sort().join();
  (async () => {
    for (const name of ${JSON.stringify(packages.map(({ manifest }) => manifest.name))}) {
      const required = names(require(name));
      console.log(name, required !== "" && required === names(await import(name)) ? "same" : "different");
    }
  })();`;

/** A second name of `weft-iptables` that has the flags of the original and no others. */
const ORIGINAL = "istio-iptables";

const commands = packages
  .flatMap(({ manifest }) => Object.keys(manifest.bin ?? {}))
  .filter((command) => command !== ORIGINAL);

describe.each(KINDS)("packed, and installed into an empty $kind project", ({ kind, type, extra }) => {
  let dir = "";
  let compiled = "";

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), `weftmesh-${kind.toLowerCase()}-`));
    installInto(dir, type, extra);
    for (const each of packages) await writeUse(dir, kind, each);
    if (kind === "TypeScript") {
      writeFileSync(join(dir, "tsconfig.json"), JSON.stringify(TSCONFIG));
      compiled = spawnSync(join(dir, "node_modules/.bin/tsc"), ["-p", dir], { cwd: dir, encoding: "utf8" }).stdout;
      mkdirSync(join(dir, "out"), { recursive: true });
      cpSync(join(dir, "out"), dir, { recursive: true });
    }
  });

  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  test("compiles against the published declarations without a finding", () => {
    expect(compiled).toBe("");
  });

  describe.each(NODE_MAJORS)("on node %i", (major) => {
    test.each(packages)("$manifest.name does what its README shows", ({ folder }) => {
      const { status, stdout, stderr } = run(major, dir, [`use-${folder}.js`]);
      expect(stderr).toBe("");
      expect(status).toBe(0);
      expect(stdout).not.toBe("");
    });

    test("every package gives require() what it gives import", () => {
      const { status, stdout, stderr } = run(major, dir, ["--input-type=commonjs", "--eval", COMPARE]);
      expect(stderr).toBe("");
      expect(stdout.trim().split("\n")).toEqual(packages.map(({ manifest }) => `${manifest.name} same`));
      expect(status).toBe(0);
    });
  });
});

describe("the commands, installed", () => {
  let dir = "";

  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), "weftmesh-commands-"));
    installInto(dir, "module", []);
  });

  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  describe.each(NODE_MAJORS)("on node %i", (major) => {
    test.each(commands)("%s has help and a version", (command) => {
      const bin = join("node_modules", ".bin", command);
      const version = run(major, dir, [bin, "--version"]);
      expect(version).toMatchObject({ stderr: "", stdout: expect.stringMatching(/\d+\.\d+/), status: 0 });
      const help = run(major, dir, [bin, "--help"]);
      expect(help).toMatchObject({ stderr: "", stdout: expect.stringContaining(command), status: 0 });
    });

    test(`${ORIGINAL} has help`, () => {
      const help = run(major, dir, [join("node_modules", ".bin", ORIGINAL), "--help"]);
      expect(help).toMatchObject({ stderr: "", stdout: expect.stringContaining(ORIGINAL), status: 0 });
    });
  });
});

/** What a user does: an empty project, the packages, nothing else of ours. */
function installInto(dir: string, type: string, extra: readonly string[]): void {
  const dependencies = Object.fromEntries(
    packed.tarballs.map((file) => [nameOf(file), `file:${join(packed.dir, file)}`]),
  );
  writeFileSync(join(dir, "package.json"), JSON.stringify({ private: true, type, dependencies }));
  npm(["install", ...extra], dir);
}

/** `weftmesh-xds-types-0.1.0.tgz` → `@weftmesh/xds-types`. */
function nameOf(tarball: string): string {
  return tarball.replace(/^weftmesh-(.*)-\d+\.\d+\.\d+.*\.tgz$/, "@weftmesh/$1");
}

/** Writes the README's first example as a program of the project's kind. */
async function writeUse(dir: string, kind: string, { folder, dir: source }: Package): Promise<void> {
  const code = firstExample(source)?.code ?? `throw new Error("${folder} has no example");`;
  if (kind === "TypeScript") {
    writeFileSync(join(dir, `use-${folder}.ts`), `${code}\nexport {};\n`);
    return;
  }
  const format = kind === "ESM" ? "esm" : "cjs";
  const { code: js } = await transform(kind === "ESM" ? code : inFunction(code), {
    loader: "ts",
    format,
    target: "node20.19",
  });
  writeFileSync(join(dir, `use-${folder}.js`), js);
}

/** CommonJS has no `await` at the top level: what follows the imports goes into a function. */
function inFunction(code: string): string {
  const imports = code.match(/^import[\s\S]*?from\s+"[^"]+";$/gm) ?? [];
  const body = imports.reduce((rest, line) => rest.replace(line, ""), code);
  return `${imports.join("\n")}\n(async () => {\n${body}\n})().catch((error) => { console.error(error); process.exitCode = 1; });\n`;
}

function run(
  major: number,
  cwd: string,
  args: readonly string[],
): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  return spawnSync(nodeBinary(major), args, { cwd, encoding: "utf8", timeout: 60_000 });
}

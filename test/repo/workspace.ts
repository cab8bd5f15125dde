/** The repository as the checks see it: packages, manifests, files, imports. */
import { type Dirent, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { repositoryRoot } from "../conformance/suite.js";

/** The part of a `package.json` that the checks read. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly imports?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** One published package. */
export interface Package {
  /** The folder's name, such as `router`. */
  readonly folder: string;
  readonly dir: string;
  readonly manifest: Manifest;
}

/** One `import`, `export … from` or `import()` of a file. */
export interface Import {
  readonly specifier: string;
  /** `import type`, `export type` or `typeof import()`: nothing is left of it at run time. */
  readonly typeOnly: boolean;
}

const SKIPPED = new Set(["node_modules", "dist", "gen", "testdata", ".git"]);

/** Absolute path of something in the repository. */
export function inRepository(...parts: readonly string[]): string {
  return join(repositoryRoot, ...parts);
}

/** The published packages, by name of the folder. */
export const packages: readonly Package[] = readdirSync(inRepository("packages"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => ({
    folder: name,
    dir: inRepository("packages", name),
    manifest: JSON.parse(readFileSync(inRepository("packages", name, "package.json"), "utf8")) as Manifest,
  }));

/** Files below `dir` that people wrote, as absolute paths; generated and built ones are left out. */
export function filesBelow(dir: string, accept: (path: string) => boolean): readonly string[] {
  const found: string[] = [];
  const visit = (folder: string, entries: readonly Dirent[]): void => {
    for (const entry of entries) {
      const path = join(folder, entry.name);
      if (entry.isDirectory() && !SKIPPED.has(entry.name)) visit(path, readdirSync(path, { withFileTypes: true }));
      else if (entry.isFile() && accept(path)) found.push(path);
    }
  };
  visit(dir, readdirSync(dir, { withFileTypes: true }));
  return found.sort();
}

/** The hand-written TypeScript of a package. */
export function sourcesOf(each: Package): readonly string[] {
  return filesBelow(join(each.dir, "src"), (path) => path.endsWith(".ts"));
}

/** A path as people read it: relative to the root, with slashes. */
export function shown(path: string): string {
  return relative(repositoryRoot, path).replaceAll("\\", "/");
}

/** Whether the file may name timers, sockets, files, the process and `node:` modules. */
export function isShell(path: string): boolean {
  return /\/src\/(.*\/)?(cli\.ts|cli\/[^/]+\.ts|shell\/[^/]+\.ts)$/.test(path);
}

/** Whether the file belongs to a command line. */
export function isCli(path: string): boolean {
  return /\/src\/(.*\/)?(cli\.ts|cli\/[^/]+\.ts)$/.test(path);
}

const STATIC = /^[ \t]*(?:import|export)\s+(type\s)?(?:[^;"'()]*?\sfrom\s*)?"([^"]+)"/gm;
const DYNAMIC = /(typeof\s+)?\bimport\(\s*"([^"]+)"/g;

/** Every import of a source text. Comments start with `*` or `//`, so examples in them do not count. */
export function importsOf(text: string): readonly Import[] {
  const code = text.replaceAll(/^\s*(\*|\/\/).*$/gm, "");
  const statics = [...code.matchAll(STATIC)].map(([, type, specifier = ""]) => ({
    specifier,
    typeOnly: type !== undefined,
  }));
  const dynamics = [...code.matchAll(DYNAMIC)].map(([, type, specifier = ""]) => ({
    specifier,
    typeOnly: type !== undefined,
  }));
  return [...statics, ...dynamics];
}

/** The package a bare specifier names: `@scope/name` or `name`, without the subpath. */
export function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

/** The source file a relative specifier names. */
export function resolveSource(from: string, specifier: string): string {
  return resolve(dirname(from), specifier.replace(/\.js$/, ".ts"));
}

/** Reads a file as text. */
export function read(path: string): string {
  return readFileSync(path, "utf8");
}

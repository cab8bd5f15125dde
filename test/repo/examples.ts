/** The TypeScript that our documents and doc comments show. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { filesBelow, inRepository, packages, read, shown, sourcesOf } from "./workspace.js";

/** One fenced `ts` block. */
export interface Example {
  /** File and line: `packages/lb/README.md:12`. */
  readonly name: string;
  /** A file name made of it. */
  readonly slug: string;
  readonly code: string;
}

const FENCE = /^([ \t]*(?:\*[ ]?)?)```ts\n([\s\S]*?)^[ \t]*(?:\*[ ]?)?```/gm;

/** Every `ts` block of a text; in a doc comment the leading stars are taken off. */
export function examplesIn(path: string): readonly Example[] {
  const text = read(path);
  return [...text.matchAll(FENCE)].map((match) => {
    const line = text.slice(0, match.index).split("\n").length;
    const inComment = (match[1] ?? "").includes("*");
    const code = match[2] ?? "";
    const name = `${shown(path)}:${line}`;
    return {
      name,
      slug: name.replaceAll(/[^a-zA-Z0-9]+/g, "-"),
      code: inComment ? code.replaceAll(/^[ \t]*\* ?/gm, "").replaceAll("*\\/", "*/") : code,
    };
  });
}

/** The examples of all READMEs, the root's first. */
export function readmeExamples(): readonly Example[] {
  const below = ["packages", "examples", "tools", "bench", "test"].flatMap((dir) =>
    filesBelow(inRepository(dir), (path) => path.endsWith("/README.md")),
  );
  return [inRepository("README.md"), ...below].filter(existsSync).flatMap(examplesIn);
}

/** The examples of all doc comments. */
export function commentExamples(): readonly Example[] {
  return packages.flatMap((each) => sourcesOf(each).flatMap(examplesIn));
}

/** The first example of a package's README: what a newcomer pastes. */
export function firstExample(dir: string): Example | undefined {
  const readme = join(dir, "README.md");
  return existsSync(readme) ? examplesIn(readme)[0] : undefined;
}

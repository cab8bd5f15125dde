import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { filesBelow, inRepository, packages, read } from "./workspace.js";

const CODE = /\bERR_[A-Z0-9_]*[A-Z0-9]\b/g;

/** What starts every code of a package. */
const PREFIX: Readonly<Record<string, string>> = {
  "xds-types": "ERR_XDS_TYPES_",
  router: "ERR_ROUTER_",
  lb: "ERR_LB_",
  "iptables-gen": "ERR_IPTABLES_",
  cert: "ERR_CERT_",
  xds: "ERR_XDS_",
};

const catalogues = packages.map((each) => {
  const path = join(each.dir, "src", "errors.ts");
  const text = existsSync(path) ? read(path) : "";
  return { folder: each.folder, text, codes: codesIn(text.replaceAll(/^\s*(\*|\/\/|\/\*).*$/gm, "")) };
});

describe("error codes", () => {
  test.each(catalogues)("$folder declares codes, all with its own prefix", ({ folder, codes }) => {
    expect(codes).not.toEqual([]);
    expect(codes.filter((code) => !code.startsWith(PREFIX[folder] ?? "?"))).toEqual([]);
  });

  test("no code belongs to two packages", () => {
    const all = catalogues.flatMap(({ codes }) => codes);
    expect(all.filter((code, i) => all.indexOf(code) !== i)).toEqual([]);
  });

  test.each(catalogues)("each code of $folder is explained in errors.ts", ({ text, codes }) => {
    const explained = new Set(codesIn(commentsOf(text)));
    const above = codes.filter((code) => new RegExp(`\\*/\\s*(\\|\\s*)?["']?${code}\\b`).test(text));
    expect(codes.filter((code) => !explained.has(code) && !above.includes(code))).toEqual([]);
  });

  test.each(catalogues)("each code of $folder is produced by a test", ({ folder, codes }) => {
    const folders = [folder, "integration", "conformance"].map((dir) => inRepository("test", dir)).filter(existsSync);
    const tests = folders
      .flatMap((dir) => filesBelow(dir, (path) => path.endsWith(".ts")))
      .map(read)
      .join("\n");
    const tested = new Set(codesIn(tests));
    expect(codes.filter((code) => !tested.has(code))).toEqual([]);
  });

  test.each(packages)("no source of $folder uses a code that its catalogue lacks", ({ folder, dir }) => {
    const known = new Set(catalogues.flatMap(({ codes }) => codes));
    const used = filesBelow(join(dir, "src"), (path) => path.endsWith(".ts")).flatMap((path) => codesIn(read(path)));
    const prefix = PREFIX[folder] ?? "?";
    expect([...new Set(used)].filter((code) => code.startsWith(prefix) && !known.has(code))).toEqual([]);
  });
});

function codesIn(text: string): readonly string[] {
  return [...new Set(text.match(CODE) ?? [])];
}

function commentsOf(text: string): string {
  return (text.match(/\/\*[\s\S]*?\*\/|\/\/.*$/gm) ?? []).join("\n");
}

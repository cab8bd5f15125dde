import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { describe, expect, test } from "vitest";
import {
  filesBelow,
  importsOf,
  inRepository,
  isCli,
  isShell,
  packageOf,
  packages,
  read,
  resolveSource,
  shown,
  sourcesOf,
} from "./workspace.js";

const SCOPE = "@weftmesh/";

/** Which of our packages a package may depend on, and where anything more than its types. */
const RULE: Readonly<Record<string, { readonly may: readonly string[]; readonly atRunTime: "anywhere" | "cli" }>> = {
  "xds-types": { may: [], atRunTime: "anywhere" },
  "iptables-gen": { may: [], atRunTime: "anywhere" },
  xds: { may: ["@weftmesh/xds-types"], atRunTime: "anywhere" },
  router: { may: ["@weftmesh/xds-types"], atRunTime: "cli" },
  lb: { may: ["@weftmesh/xds-types"], atRunTime: "cli" },
  cert: { may: ["@weftmesh/xds-types"], atRunTime: "cli" },
};

/** gRPC belongs to the transport and to the services of the identity package. */
const GRPC = ["@grpc/grpc-js"];

const sources = packages.flatMap((each) =>
  sourcesOf(each).map((path) => ({ folder: each.folder, path, name: shown(path), text: read(path) })),
);

describe("dependency rule", () => {
  test("every package has a rule", () => {
    expect(packages.map((each) => each.folder).toSorted()).toEqual(Object.keys(RULE).toSorted());
  });

  test.each(packages)("manifest of $folder depends on our packages as the rule allows", ({ folder, manifest }) => {
    const ours = Object.keys({
      ...manifest.dependencies,
      ...manifest.optionalDependencies,
      ...manifest.peerDependencies,
    }).filter((name) => name.startsWith(SCOPE));
    expect(ours.filter((name) => !RULE[folder]?.may.includes(name))).toEqual([]);
  });

  test("imports of our packages follow the rule, types alone where the core must not load the codec", () => {
    const wrong = sources.flatMap(({ folder, path, name, text }) =>
      importsOf(text)
        .filter(({ specifier }) => specifier.startsWith(SCOPE))
        .filter(({ specifier, typeOnly }) => {
          const rule = RULE[folder];
          if (rule?.may.includes(packageOf(specifier)) !== true) return true;
          return !typeOnly && rule.atRunTime === "cli" && !isCli(path);
        })
        .map(({ specifier }) => `${name}: ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });

  test("gRPC is loaded by xds and by the services of cert only", () => {
    const loaders = sources
      .filter(({ text }) => importsOf(text).some(({ specifier, typeOnly }) => GRPC.includes(specifier) && !typeOnly))
      .map(({ path }) => path);
    const core = packages
      .filter((each) => each.folder !== "xds")
      .flatMap((each) => [...reachable(`${each.dir}/src/index.ts`)]);
    expect(loaders.filter((path) => core.includes(path)).map(shown)).toEqual([]);
  });

  test("packages form no cycle", () => {
    const edges = new Map(
      packages.map(({ manifest }) => [
        manifest.name,
        Object.keys(manifest.dependencies ?? {}).filter((name) => name.startsWith(SCOPE)),
      ]),
    );
    expect(cycleIn(edges)).toEqual([]);
  });

  test("source files form no cycle at run time", () => {
    const edges = new Map(
      sources.map(({ path, text }) => [
        path,
        importsOf(text)
          .filter(({ specifier, typeOnly }) => specifier.startsWith(".") && !typeOnly)
          .map(({ specifier }) => resolveSource(path, specifier)),
      ]),
    );
    expect(cycleIn(edges).map(shown)).toEqual([]);
  });
});

describe("pure core", () => {
  const core = sources.filter(({ path }) => !isShell(path));

  test("only shell files import node: modules", () => {
    const wrong = core.flatMap(({ name, text }) =>
      importsOf(text)
        .filter(({ specifier, typeOnly }) => specifier.startsWith("node:") && !typeOnly)
        .map(({ specifier }) => `${name}: ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });

  test("only shell files name timers, the clock, chance or the process", () => {
    const ambient =
      /(?<![.\w])(setTimeout|setInterval|setImmediate|queueMicrotask|fetch)\(|(?<![.\w])(Date\.now|new Date\(\)|performance\.|process\.|Math\.random)/;
    const wrong = core
      .map(({ name, text }) => ({ name, found: withoutComments(text).match(ambient)?.[0] }))
      .filter(({ found }) => found !== undefined);
    expect(wrong).toEqual([]);
  });
});

describe("files", () => {
  const written = ["packages", "examples", "tools", "test", "bench"].flatMap((dir) =>
    filesBelow(inRepository(dir), (path) => path.endsWith(".ts")),
  );

  test("no hand-written file is over 350 lines", () => {
    const long = written
      .map((path) => ({ name: shown(path), lines: readFileSync(path, "utf8").split("\n").length - 1 }))
      .filter(({ lines }) => lines > 350);
    expect(long).toEqual([]);
  });

  test("files are nouns of the specification, never utils, helpers, common or types", () => {
    const vague = sources.filter(({ path }) => /^(utils?|helpers?|common|types|misc|shared)\.ts$/.test(basename(path)));
    expect(vague.map(({ name }) => name)).toEqual([]);
  });

  test("packages hold no tests", () => {
    const tests = packages.flatMap((each) => filesBelow(each.dir, (path) => /\.(test|spec)\.ts$/.test(path)));
    expect(tests.map(shown)).toEqual([]);
  });
});

/** The files a module loads, itself included. */
function reachable(entry: string, seen: Set<string> = new Set()): ReadonlySet<string> {
  if (seen.has(entry)) return seen;
  seen.add(entry);
  const text = sources.find(({ path }) => path === entry)?.text ?? "";
  for (const { specifier, typeOnly } of importsOf(text)) {
    if (specifier.startsWith(".") && !typeOnly) reachable(resolveSource(entry, specifier), seen);
  }
  return seen;
}

/** The first cycle found, in order, or nothing. */
function cycleIn(edges: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const done = new Set<string>();
  const visit = (node: string, trail: readonly string[]): readonly string[] => {
    if (trail.includes(node)) return [...trail.slice(trail.indexOf(node)), node];
    if (done.has(node)) return [];
    for (const next of edges.get(node) ?? []) {
      const cycle = visit(next, [...trail, node]);
      if (cycle.length > 0) return cycle;
    }
    done.add(node);
    return [];
  };
  for (const node of edges.keys()) {
    const cycle = visit(node, []);
    if (cycle.length > 0) return cycle;
  }
  return [];
}

function withoutComments(text: string): string {
  return text
    .replaceAll(/\/\*[\s\S]*?\*\//g, "")
    .replaceAll(/(^|\s)\/\/.*$/gm, "")
    .replaceAll(/"(?:[^"\\\n]|\\.)*"/g, '""');
}

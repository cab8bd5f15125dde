import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, realpathSync } from "node:fs";
import { basename, dirname, join, sep } from "node:path";

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** A program that another user can run. */
export interface ProgramCopy {
  /** The node to run it with. */
  readonly node: string;
  /** The file to run. */
  readonly file: string;
}

/**
 * Copies a program with everything it imports into a folder, readable by everybody: a checkout in somebody's home is
 * not, and the proxy is another user.
 *
 * @param program - A file of a package; what its `package.json` depends on is found as node finds it.
 */
export function copyProgram(program: string, folder: string): ProgramCopy {
  const root = packageRoot(program);
  const target = join(folder, "program");
  const installed = new Map<string, string>();
  copyPackage(root, target);
  installDependencies(root, target, target, installed);
  const node = join(folder, basename(process.execPath));
  copyFileSync(process.execPath, node);
  return { node, file: join(target, realpathSync(program).slice(root.length + 1)) };
}

/** As npm lays packages out: at the top if the name is free there, otherwise below whoever needs another version. */
function installDependencies(from: string, at: string, top: string, installed: Map<string, string>): void {
  const { dependencies, optionalDependencies } = JSON.parse(
    readFileSync(join(from, "package.json"), "utf8"),
  ) as Manifest;
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
    const source = findPackage(name, from);
    // An optional package of another platform is not there.
    if (source === undefined) continue;
    const shared = join(top, "node_modules", name);
    const target = installed.has(shared) && installed.get(shared) !== source ? join(at, "node_modules", name) : shared;
    if (installed.get(target) === source) continue;
    installed.set(target, source);
    copyPackage(source, target);
    installDependencies(source, target, top, installed);
  }
}

function copyPackage(source: string, target: string): void {
  mkdirSync(target, { recursive: true });
  const skipped = new Set(["node_modules", "src", "test", "README.md"]);
  // Of a workspace package only the build runs. An installed one is taken whole: what it runs may stand in src/.
  const ours = !source.split(sep).includes("node_modules");
  cpSync(source, target, {
    recursive: true,
    filter: (path) => {
      const [first = ""] = path.slice(source.length + 1).split(sep);
      return (
        first !== "node_modules" && !(ours && (skipped.has(first) || path.endsWith(".map") || path.endsWith(".d.ts")))
      );
    },
  });
}

function packageRoot(file: string): string {
  let folder = dirname(realpathSync(file));
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return folder;
}

function findPackage(name: string, from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const found = join(folder, "node_modules", name);
    if (existsSync(join(found, "package.json"))) return realpathSync(found);
    if (dirname(folder) === folder) return undefined;
  }
}

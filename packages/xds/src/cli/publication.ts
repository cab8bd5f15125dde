import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Position, parseResources, type Resource } from "@weftmesh/xds-types";
import { checkConsistency } from "../shell/check-consistency.js";
import { reasonOf, UsageError } from "./surroundings.js";

/** The largest file that is read. */
const MAX_BYTES = 32 << 20;

/** What a folder publishes. */
export interface Publication {
  /** Resources of all files. */
  readonly resources: readonly Resource[];
  /** Problems as `file:line:col path: problem (CODE)`, errors first. */
  readonly errors: readonly string[];
  /** The same for warnings. */
  readonly warnings: readonly string[];
  /** Where something of a resource stands; `undefined` if the resource is not from here. */
  locate(typeUrl: string, name: string, path?: string): Position | undefined;
}

/**
 * Reads every `.yaml`, `.yml` and `.json` file of a folder, in the order of their names.
 *
 * @throws {@link UsageError} if the folder or a file cannot be read.
 */
export function readPublication(folder: string): Publication {
  const resources: Resource[] = [];
  const errors: string[] = [];
  const warnings: string[] = [];
  const places = new Map<string, (path?: string) => Position>();
  for (const file of filesOf(folder)) {
    const parsed = parseResources(read(file), { file });
    for (const { file: at, line, column, path, message, code, severity } of parsed.issues) {
      (severity === "warning" ? warnings : errors).push(
        `${at}:${line}:${column} ${path === "" ? "" : `${path}: `}${message} (${code})`,
      );
    }
    for (const resource of parsed.resources) {
      const key = `${resource.typeUrl} ${resource.name}`;
      const before = places.get(key)?.();
      const here = parsed.locate(resource);
      if (before !== undefined) {
        const second = `${here.file}:${here.line}:${here.column} ${resource.name}: a second one of this name`;
        errors.push(`${second}, the first is at ${before.file}:${before.line} (ERR_XDS_SNAPSHOT_INVALID)`);
        continue;
      }
      places.set(key, (path) => parsed.locate(resource, path));
      resources.push(resource);
    }
  }
  for (const finding of checkConsistency(resources)) {
    const { typeUrl, resource, path, message, code } = finding;
    const at = places.get(`${typeUrl} ${resource}`)?.(path);
    const place = at === undefined ? folder : `${at.file}:${at.line}:${at.column}`;
    warnings.push(`${place} ${path === "" ? "" : `${path}: `}${message} (${code})`);
  }
  return {
    resources,
    errors,
    warnings,
    locate: (typeUrl, name, path) => places.get(`${typeUrl} ${name}`)?.(path),
  };
}

function filesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /\.(ya?ml|json)$/.test(name))
      .sort()
      .map((name) => join(folder, name));
  } catch (error) {
    throw new UsageError(`${folder}: ${reasonOf(error)}`);
  }
}

function read(file: string): string {
  try {
    const stats = statSync(file);
    if (stats.isDirectory()) throw new UsageError(`${file}: is a folder, a file expected`);
    if (stats.size > MAX_BYTES) throw new UsageError(`${file}: has ${stats.size} bytes, at most ${MAX_BYTES} are read`);
    const bytes = readFileSync(file);
    if (bytes.includes(0)) throw new UsageError(`${file}: is binary, YAML or JSON expected`);
    return bytes.toString("utf8");
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${file}: ${reasonOf(error)}`);
  }
}

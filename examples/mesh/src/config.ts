import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseResources, type Resource } from "@weftmesh/xds-types";
import type { RouteConfiguration, VirtualHost } from "@weftmesh/xds-types/envoy/config/route/v3";

/** What the control plane serves, read from a folder of YAML. */
export interface MeshConfig {
  /** What every sidecar gets. */
  readonly shared: readonly Resource[];
  /** What one sidecar gets besides, by its node id; it wins over what is shared. */
  readonly sidecars: ReadonlyMap<string, readonly Resource[]>;
  /** What the steps of the story push, by the name of the step. */
  readonly story: ReadonlyMap<string, readonly Resource[]>;
}

/** Thrown by {@link readConfig}: one line for each problem, `file:line:col field path: reason`. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  /** The lines. */
  readonly lines: readonly string[];

  constructor(lines: readonly string[]) {
    super(lines.join("\n"));
    this.lines = lines;
  }
}

/**
 * Reads `*.yaml`, `sidecars/*.yaml` and `story/*.yaml`.
 *
 * @throws ConfigError with every problem of every file.
 */
export function readConfig(folder: string): MeshConfig {
  const lines: string[] = [];
  const readFolder = (path: string): ReadonlyMap<string, readonly Resource[]> =>
    new Map(yamlFiles(path, lines).map((file) => [basename(file, ".yaml"), readFile(file, lines)]));
  const shared = [...readFolder(folder).values()].flat();
  const config = { shared, sidecars: readFolder(join(folder, "sidecars")), story: readFolder(join(folder, "story")) };
  if (lines.length > 0) throw new ConfigError(lines);
  return config;
}

function yamlFiles(folder: string, lines: string[]): readonly string[] {
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith(".yaml"));
    return names.sort().map((name) => join(folder, name));
  } catch (error) {
    lines.push(`${folder}: ${(error as Error).message}`);
    return [];
  }
}

function readFile(file: string, lines: string[]): readonly Resource[] {
  const { resources, issues } = parseResources(readFileSync(file, "utf8"), { file });
  for (const { line, column, path, message, code, severity } of issues) {
    const where = path === "" ? "" : ` ${path}`;
    if (severity !== "warning") lines.push(`${file}:${line}:${column}${where}: ${message} (${code})`);
  }
  return resources;
}

/** The resources of one sidecar: what is shared, what the step pushes, what is its own; the later wins. */
export function snapshotOf(config: MeshConfig, node: string, pushed: readonly Resource[]): readonly Resource[] {
  const found = new Map<string, Resource>();
  for (const resource of [...config.shared, ...(config.sidecars.get(node) ?? [])]) {
    found.set(`${resource.typeUrl} ${resource.name}`, resource);
  }
  for (const resource of pushed) {
    if (resource.typeUrl.endsWith(".VirtualHost")) replaceVirtualHost(found, resource);
    else found.set(`${resource.typeUrl} ${resource.name}`, resource);
  }
  return [...found.values()];
}

/** A virtual host of the story takes the place of the one of its name in the shared routes. */
function replaceVirtualHost(found: Map<string, Resource>, { name, message }: Resource): void {
  for (const [key, resource] of found) {
    if (!resource.typeUrl.endsWith(".RouteConfiguration")) continue;
    const routes = resource.message as RouteConfiguration;
    const virtualHosts = routes.virtualHosts?.map((host) => (host.name === name ? (message as VirtualHost) : host));
    found.set(key, { ...resource, message: { ...routes, ...(virtualHosts && { virtualHosts }) } });
  }
}

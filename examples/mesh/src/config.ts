import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { checkConsistency, type Finding } from "@weftmesh/xds";
import { parseResources, type Resource, typeNameOf } from "@weftmesh/xds-types";
import { RouteConfiguration, VirtualHost } from "@weftmesh/xds-types/envoy/config/route/v3";
import { validate } from "weftmesh-example-sidecar";

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

/** The configuration of the step that shows how a broken one is refused. */
const BROKEN_ON_PURPOSE = "broken";

/** Where a field of a resource stands: `file:line:col`. */
type Places = Map<Resource, (path: string) => string>;

/**
 * Reads `*.yaml`, `sidecars/*.yaml` and `story/*.yaml`: what the schema says about them, what the sidecars would refuse, and
 * whether all that is referred to is there.
 *
 * @throws ConfigError with every problem of every file.
 */
export function readConfig(folder: string): MeshConfig {
  const lines: string[] = [];
  const places: Places = new Map();
  const readFolder = (path: string): ReadonlyMap<string, readonly Resource[]> =>
    new Map(yamlFiles(path, lines).map((file) => [basename(file, ".yaml"), readFile(file, lines, places)]));
  const shared = [...readFolder(folder).values()].flat();
  // Without the folder there is one problem, not one for each folder in it.
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw new ConfigError(lines);
  const config = { shared, sidecars: readFolder(join(folder, "sidecars")), story: readFolder(join(folder, "story")) };
  if (lines.length === 0) lines.push(...new Set(refusals(config, places)));
  if (lines.length > 0) throw new ConfigError(lines);
  return config;
}

function yamlFiles(folder: string, lines: string[]): readonly string[] {
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith(".yaml"));
    return names.sort().map((name) => join(folder, name));
  } catch {
    lines.push(`${shown(folder)}: cannot be read as a folder`);
    return [];
  }
}

function readFile(file: string, lines: string[], places: Places): readonly Resource[] {
  const bytes = readFileSync(file);
  if (bytes.includes(0)) {
    lines.push(`${shown(file)}: is binary, YAML expected`);
    return [];
  }
  const { resources, issues, locate } = parseResources(bytes.toString("utf8"), { file: shown(file) });
  for (const { line, column, path, message, code, severity } of issues) {
    if (severity !== "warning") lines.push(lineOf(`${shown(file)}:${line}:${column}`, path, message, code));
  }
  for (const resource of resources) {
    places.set(resource, (path) => {
      const { line, column } = locate(resource, path);
      return `${shown(file)}:${line}:${column}`;
    });
  }
  return resources;
}

/** What only compiling finds, and what is referred to but nowhere to be found. */
function* refusals(config: MeshConfig, places: Places): Iterable<string> {
  const { [BROKEN_ON_PURPOSE]: _, ...story } = Object.fromEntries(config.story);
  for (const resource of [config.shared, ...config.sidecars.values(), ...Object.values(story)].flat()) {
    for (const { path, message, code, severity } of validateAlone(resource)) {
      if (severity !== "warning") yield lineOf(places.get(resource)?.(path) ?? "", path, message, code);
    }
  }
  for (const layer of [config.shared, ...config.sidecars.values(), ...Object.values(story)]) {
    const seen = new Set<string>();
    for (const resource of layer) {
      const key = `${resource.typeUrl} ${resource.name}`;
      const message = `there is another ${typeNameOf(resource.typeUrl)} of the name ${resource.name}`;
      if (seen.has(key)) yield lineOf(places.get(resource)?.("name") ?? "", "name", message, undefined);
      seen.add(key);
    }
  }
  for (const node of config.sidecars.keys()) {
    for (const pushed of [[], ...Object.values(story)])
      yield* dangling(snapshotOf(config, node, pushed), pushed, places);
  }
}

/** What a sidecar would be sent but could not follow. A virtual host of the story is found where it was written. */
function* dangling(snapshot: readonly Resource[], pushed: readonly Resource[], places: Places): Iterable<string> {
  for (const { typeUrl, resource: name, path, message, code, severity } of checkConsistency(snapshot)) {
    const resource = snapshot.find((each) => each.typeUrl === typeUrl && each.name === name);
    if (severity === "warning" || resource === undefined) continue;
    const [, index = "", rest = ""] = /^virtual_hosts\[(\d+)\]\.?(.*)$/.exec(path) ?? [];
    const host = (resource.message as RouteConfiguration).virtualHosts?.[Number(index)];
    const own = pushed.find((each) => isVirtualHost(each) && each.message === host);
    // Routes with a virtual host of the story in them were written without it.
    const written = places.has(resource)
      ? resource
      : [...places.keys()].find((each) => each.typeUrl === typeUrl && each.name === name);
    if (own) yield lineOf(places.get(own)?.(rest) ?? "", rest, message, code);
    else if (written) yield lineOf(places.get(written)?.(path) ?? "", path, message, code);
  }
}

/** As a sidecar would judge it; a virtual host as part of the routes it will stand in. */
function validateAlone(resource: Resource): readonly Finding[] {
  if (!isVirtualHost(resource)) return validate(resource);
  const message: RouteConfiguration = { name: "story", virtualHosts: [resource.message as VirtualHost] };
  const findings = validate({ typeUrl: RouteConfiguration.typeUrl, name: "story", message });
  return findings.map((finding) => ({ ...finding, path: finding.path.replace(/^virtual_hosts\[0\]\.?/, "") }));
}

function isVirtualHost({ typeUrl }: Resource): boolean {
  return typeUrl === VirtualHost.typeUrl;
}

function lineOf(place: string, path: string, message: string, code: string | undefined): string {
  return `${place}${path === "" ? "" : ` ${path}`}: ${message}${code === undefined ? "" : ` (${code})`}`;
}

/** A path as people type it: relative where that is shorter. */
function shown(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith("..") ? path : short;
}

/** The resources of one sidecar: what is shared, what the step pushes, what is its own; the later wins. */
export function snapshotOf(config: MeshConfig, node: string, pushed: readonly Resource[]): readonly Resource[] {
  const found = new Map<string, Resource>();
  for (const resource of [...config.shared, ...(config.sidecars.get(node) ?? [])]) {
    found.set(`${resource.typeUrl} ${resource.name}`, resource);
  }
  for (const resource of pushed) {
    if (isVirtualHost(resource)) replaceVirtualHost(found, resource);
    else found.set(`${resource.typeUrl} ${resource.name}`, resource);
  }
  return [...found.values()];
}

/** A virtual host of the story takes the place of the one of its name in the shared routes. */
function replaceVirtualHost(found: Map<string, Resource>, { name, message }: Resource): void {
  for (const [key, resource] of found) {
    if (resource.typeUrl !== RouteConfiguration.typeUrl) continue;
    const routes = resource.message as RouteConfiguration;
    const virtualHosts = routes.virtualHosts?.map((host) => (host.name === name ? (message as VirtualHost) : host));
    found.set(key, { ...resource, message: { ...routes, ...(virtualHosts && { virtualHosts }) } });
  }
}

import { TYPE_URL } from "./discovery-types.js";
import type { Reference } from "./resource.js";

/**
 * Opens an `Any` that is still encoded; `undefined` if its type is not known. Injected because decoding belongs to
 * xds-types.
 */
export type OpenAny = (any: { readonly typeUrl: string; readonly value: Uint8Array }) => unknown;

/** Deeper than any configuration; ends a walk over data that refers to itself. */
const MAX_DEPTH = 200;

/**
 * Lists what a resource refers to: endpoints and secrets of a cluster; routes, secrets, clusters and extension
 * configurations of a listener; clusters of a route configuration. Looks into every `Any` it can open.
 *
 * @param typeUrl - The resource's type.
 * @param message - The resource, decoded.
 */
export function referencesOf(typeUrl: string, message: unknown, open: OpenAny): readonly Reference[] {
  // Endpoints and secrets are large and refer to nothing.
  if (typeUrl === TYPE_URL.endpoints || typeUrl === TYPE_URL.secret) return [];
  const found: Reference[] = [];
  if (typeUrl === TYPE_URL.cluster) clusterEndpoints(message, found);
  walk(message, "", 0, open, found);
  return found;
}

// EDS asks for service_name, and for the cluster's own name when that is empty.
function clusterEndpoints(message: unknown, found: Reference[]): void {
  const cluster = record(message);
  if (cluster?.["type"] !== "EDS" || !isOurs(record(cluster["edsClusterConfig"])?.["edsConfig"])) return;
  const serviceName = record(cluster["edsClusterConfig"])?.["serviceName"];
  const named = typeof serviceName === "string" && serviceName !== "";
  const name = named ? serviceName : cluster["name"];
  const path = named ? "eds_cluster_config.service_name" : "name";
  if (typeof name === "string" && name !== "") found.push({ typeUrl: TYPE_URL.endpoints, name, path });
}

function walk(value: unknown, path: string, depth: number, open: OpenAny, found: Reference[]): void {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array || depth > MAX_DEPTH) return;
  if (Array.isArray(value)) {
    value.forEach((item, index) => {
      walk(item, `${path}[${index}]`, depth + 1, open, found);
    });
    return;
  }
  const fields = value as Readonly<Record<string, unknown>>;
  if (isAny(fields)) {
    walk("value" in fields ? open(fields) : fields.message, path, depth + 1, open, found);
    return;
  }
  for (const [key, field] of Object.entries(fields)) {
    const at = path === "" ? snakeCase(key) : `${path}.${snakeCase(key)}`;
    const target = mention(key, field, fields, at);
    if (target !== undefined) found.push(target);
    if (key === "weightedClusters") weighted(field, at, found);
    walk(field, at, depth + 1, open, found);
  }
}

/** What one field refers to, if it is one of those that do. */
function mention(
  key: string,
  field: unknown,
  siblings: Readonly<Record<string, unknown>>,
  path: string,
): Reference | undefined {
  const parent = path.slice(0, Math.max(0, path.lastIndexOf(".") + 1));
  switch (key) {
    case "rds": {
      if (!isOurs(record(field)?.["configSource"])) return undefined;
      return reference(TYPE_URL.route, record(field)?.["routeConfigName"], `${path}.route_config_name`);
    }
    case "cluster":
      return reference(TYPE_URL.cluster, field, path);
    case "envoyGrpc":
      return reference(TYPE_URL.cluster, record(field)?.["clusterName"], `${path}.cluster_name`);
    case "sdsConfig":
      if (!isOurs(field)) return undefined;
      return reference(TYPE_URL.secret, siblings["name"], `${parent}name`);
    case "configDiscovery":
      return reference(TYPE_URL.extension, siblings["name"], `${parent}name`);
    default:
      return undefined;
  }
}

// A file or another server answers for these names; what comes by ADS, or does not say, is ours.
function isOurs(configSource: unknown): boolean {
  const source = record(configSource);
  return source === undefined || !("path" in source || "pathConfigSource" in source || "apiConfigSource" in source);
}

function reference(typeUrl: string, name: unknown, path: string): Reference | undefined {
  return typeof name === "string" && name !== "" ? { typeUrl, name, path } : undefined;
}

function weighted(field: unknown, path: string, found: Reference[]): void {
  const clusters = record(field)?.["clusters"];
  if (!Array.isArray(clusters)) return;
  clusters.forEach((cluster, index) => {
    const target = reference(TYPE_URL.cluster, record(cluster)?.["name"], `${path}.clusters[${index}].name`);
    if (target !== undefined) found.push(target);
  });
}

type OpenOrClosedAny = { readonly typeUrl: string } & (
  | { readonly message: unknown }
  | { readonly message?: undefined; readonly value: Uint8Array }
);

function isAny(fields: Readonly<Record<string, unknown>>): fields is OpenOrClosedAny {
  if (typeof fields["typeUrl"] !== "string") return false;
  return "message" in fields || fields["value"] instanceof Uint8Array;
}

function record(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

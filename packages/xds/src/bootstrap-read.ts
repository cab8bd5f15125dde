import type { Authority, Bootstrap, ServerConfig } from "./bootstrap.js";
import { XdsError } from "./errors.js";
import type { NodeIdentity } from "./node.js";

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads the bootstrap file of gRPC's xDS clients (`GRPC_XDS_BOOTSTRAP`, `GRPC_XDS_BOOTSTRAP_CONFIG`). Unknown fields are
 * ignored, `locality` may be left out. gRPC speaks state of the world.
 *
 * @param text - JSON.
 * @throws {@link XdsError} `ERR_XDS_BOOTSTRAP_INVALID` with the path of the first problem.
 * @see https://github.com/grpc/proposal/blob/master/A27-xds-global-load-balancing.md#xdsclient-and-bootstrap-file
 */
export function readGrpcBootstrap(text: string): Bootstrap {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new XdsError("ERR_XDS_BOOTSTRAP_INVALID", "bootstrap", "not JSON", { cause });
  }
  const root = object(json, "bootstrap");
  const servers = readServers(root["xds_servers"], "xds_servers");
  if (servers.length === 0) throw invalid("xds_servers", "at least one is needed");
  const authorities = optional(root["authorities"], "authorities", readAuthorities);
  const node = readNode(object(root["node"] ?? {}, "node"));
  return { servers, node, ...(authorities === undefined ? {} : { authorities }) };
}

/**
 * Reads what an Envoy bootstrap says about its management server: node, the API type of `ads_config`, and the address of
 * the static cluster it names.
 *
 * @param json - The bootstrap, read from JSON or YAML, in snake_case.
 * @throws {@link XdsError} `ERR_XDS_BOOTSTRAP_INVALID` with the path of the first problem.
 */
export function readEnvoyBootstrap(json: unknown): Bootstrap {
  const root = object(json, "bootstrap");
  const at = "dynamic_resources.ads_config";
  const clusters = list(
    object(root["static_resources"] ?? {}, "static_resources")["clusters"],
    "static_resources.clusters",
  );
  const ads = object(object(root["dynamic_resources"], "dynamic_resources")["ads_config"], at);
  const servers = serversOf(ads, at, clusters);
  const ofSource = (value: unknown, path: string): readonly ServerConfig[] => {
    const source = object(value, path);
    // `ads: {}` is the aggregated stream that the bootstrap has anyhow.
    if (source["ads"] !== undefined) return servers;
    return serversOf(
      object(source["api_config_source"], `${path}.api_config_source`),
      `${path}.api_config_source`,
      clusters,
    );
  };
  const authorities: Record<string, Authority> = Object.create(null);
  list(root["config_sources"], "config_sources").forEach((source, index) => {
    const path = `config_sources[${index}]`;
    for (const authority of list(object(source, path)["authorities"], `${path}.authorities`)) {
      authorities[text(object(authority, path)["name"], `${path}.authorities`)] = { servers: ofSource(source, path) };
    }
  });
  const defaultServers = optional(root["default_config_source"], "default_config_source", ofSource);
  const nodeContextParams = optional(root["node_context_params"], "node_context_params", (value, path) =>
    list(value, path).map((each) => text(each, path)),
  );
  return {
    servers,
    node: readNode(object(root["node"] ?? {}, "node")),
    ...(Object.keys(authorities).length === 0 ? {} : { authorities }),
    ...(defaultServers === undefined ? {} : { defaultServers }),
    ...(nodeContextParams === undefined ? {} : { nodeContextParams }),
  };
}

/** The servers of an `ApiConfigSource`, by way of the static clusters it names. */
function serversOf(source: Json, path: string, clusters: readonly unknown[]): readonly ServerConfig[] {
  const apiType = text(source["api_type"] ?? "", `${path}.api_type`).replace("AGGREGATED_", "");
  if (apiType !== "GRPC" && apiType !== "DELTA_GRPC") throw invalid(`${path}.api_type`, "GRPC or DELTA_GRPC expected");
  // V7: only v3 exists; the field's default, AUTO, and V2 are refused by Envoy too.
  if (source["transport_api_version"] !== "V3") throw invalid(`${path}.transport_api_version`, "V3 expected");
  const variant = apiType === "GRPC" ? "sotw" : "delta";
  const servers = list(source["grpc_services"], `${path}.grpc_services`).map((service, index) => {
    const at = `${path}.grpc_services[${index}].envoy_grpc.cluster_name`;
    const name = object(object(service, at)["envoy_grpc"], at)["cluster_name"];
    const cluster = clusters.map((one) => object(one, "static_resources.clusters")).find((one) => one["name"] === name);
    if (cluster === undefined) throw invalid(at, `no static cluster named ${JSON.stringify(name)}`);
    return { uri: clusterAddress(cluster, at), variant } satisfies ServerConfig;
  });
  if (servers.length === 0) throw invalid(`${path}.grpc_services`, "at least one is needed");
  return servers;
}

function clusterAddress(cluster: Json, at: string): string {
  const assignment = object(cluster["load_assignment"], at);
  for (const locality of list(assignment["endpoints"], at)) {
    for (const endpoint of list(object(locality, at)["lb_endpoints"], at)) {
      const address = object(object(object(endpoint, at)["endpoint"], at)["address"], at);
      const pipe = optional(address["pipe"], at, (value) => text(object(value, at)["path"], at));
      if (pipe !== undefined) return `unix:${pipe}`;
      const socket = object(address["socket_address"], at);
      return `${text(socket["address"], at)}:${Number(socket["port_value"])}`;
    }
  }
  throw invalid(at, "its cluster has no endpoint");
}

function readServers(value: unknown, path: string): readonly ServerConfig[] {
  return list(value, path).map((item, index) => {
    const at = `${path}[${index}]`;
    const server = object(item, at);
    const features = optional(server["server_features"], `${at}.server_features`, (feature) =>
      list(feature, `${at}.server_features`).filter((one) => typeof one === "string"),
    );
    const credentials = optional(server["channel_creds"], `${at}.channel_creds`, (creds) =>
      list(creds, `${at}.channel_creds`).map((one) =>
        text(object(one, `${at}.channel_creds`)["type"], `${at}.channel_creds`),
      ),
    );
    return {
      uri: text(server["server_uri"], `${at}.server_uri`),
      variant: "sotw",
      ...(features === undefined ? {} : { features }),
      ...(credentials === undefined ? {} : { credentials }),
    };
  });
}

function readAuthorities(value: unknown, path: string): Readonly<Record<string, Authority>> {
  const authorities: Record<string, Authority> = Object.create(null);
  for (const [name, item] of Object.entries(object(value, path))) {
    const at = `${path}.${name}`;
    const authority = object(item, at);
    const field = "client_listener_resource_name_template";
    const template = optional(authority[field], `${at}.${field}`, text);
    // N6: a template must stay inside its authority.
    if (template !== undefined && !template.startsWith(`xdstp://${name}/`)) {
      throw invalid(`${at}.${field}`, `xdstp://${name}/… expected`);
    }
    const servers = optional(authority["xds_servers"], `${at}.xds_servers`, readServers);
    authorities[name] = {
      ...(servers === undefined ? {} : { servers }),
      ...(template === undefined ? {} : { clientListenerResourceNameTemplate: template }),
    };
  }
  return authorities;
}

function readNode(node: Json): Bootstrap["node"] {
  const locality = optional(node["locality"], "node.locality", (value) => {
    const { region, zone, sub_zone: subZone } = object(value, "node.locality") as Record<string, string>;
    return {
      ...(region === undefined ? {} : { region }),
      ...(zone === undefined ? {} : { zone }),
      ...(subZone === undefined ? {} : { subZone }),
    };
  });
  const metadata = optional(node["metadata"], "node.metadata", object);
  const read: { -readonly [K in keyof NodeIdentity]?: NodeIdentity[K] } & { id: string } = {
    id: optional(node["id"], "node.id", text) ?? "",
    cluster: optional(node["cluster"], "node.cluster", text) ?? "",
  };
  if (locality !== undefined) read.locality = locality;
  if (metadata !== undefined) read.metadata = metadata;
  return read;
}

function optional<T>(value: unknown, path: string, read: (value: unknown, path: string) => T): T | undefined {
  return value === undefined || value === null ? undefined : read(value, path);
}

function object(value: unknown, path: string): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid(path, "an object expected");
  return value as Json;
}

function list(value: unknown, path: string): readonly unknown[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw invalid(path, "a list expected");
  return value;
}

function text(value: unknown, path: string): string {
  if (typeof value !== "string") throw invalid(path, "a string expected");
  return value;
}

function invalid(path: string, problem: string): XdsError {
  return new XdsError("ERR_XDS_BOOTSTRAP_INVALID", path, problem);
}

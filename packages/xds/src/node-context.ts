import type { NodeIdentity } from "./node.js";
import { formatXdstp, isXdstp, parseXdstp } from "./xdstp.js";

/**
 * Adds fields of the node to the context parameters of an `xdstp:` name, as Envoy's `node_context_params` does (N7):
 * `id` becomes `xds.node.id`, `metadata.role` becomes `xds.node.metadata.role`. Fields the node has not, and names of the
 * plain form, are left alone.
 *
 * @param fields - `id`, `cluster`, `user_agent_name`, `user_agent_version`, `locality.region`, `locality.zone`,
 *   `locality.sub_zone`, or `metadata.KEY`. Metadata that is no string is written as JSON.
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/bootstrap/v3/bootstrap.proto
 */
export function withNodeContext(name: string, node: Partial<NodeIdentity>, fields: readonly string[]): string {
  if (!isXdstp(name)) return name;
  const parsed = parseXdstp(name);
  const context: Record<string, string> = { ...parsed.context };
  for (const field of fields) {
    const value = fieldOf(node, field);
    if (value !== undefined && value !== "") context[`xds.node.${field}`] = value;
  }
  return formatXdstp({ ...parsed, context });
}

function fieldOf(node: Partial<NodeIdentity>, field: string): string | undefined {
  const { locality = {} } = node;
  const known: Readonly<Record<string, string | undefined>> = {
    id: node.id,
    cluster: node.cluster,
    user_agent_name: node.userAgentName,
    user_agent_version: node.userAgentVersion,
    "locality.region": locality.region,
    "locality.zone": locality.zone,
    "locality.sub_zone": locality.subZone,
  };
  if (Object.hasOwn(known, field)) return known[field];
  if (!field.startsWith("metadata.")) return undefined;
  const value = node.metadata?.[field.slice("metadata.".length)];
  return value === undefined || typeof value === "string" ? value : JSON.stringify(value);
}

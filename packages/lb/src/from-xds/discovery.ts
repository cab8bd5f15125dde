import type { Cluster as ClusterMessage } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import ipaddr from "ipaddr.js";
import type { DnsDiscoveryOptions } from "../discovery.js";
import type { EndpointGroup } from "../host.js";
import { type OriginalDestinationOptions, originalDestination } from "../policy/original-destination.js";
import type { MetadataPath } from "../policy/override-host.js";
import type { Policy } from "../policy.js";
import { definedOnly, enumName, type IssueList } from "./issues.js";

/** How a DNS cluster finds its hosts; nothing for a cluster of another type. */
export function readDiscovery(
  cluster: ClusterMessage,
  endpoints: readonly EndpointGroup[],
  issues: IssueList,
): DnsDiscoveryOptions | undefined {
  const type = enumName(cluster.type) ?? "STATIC";
  const hosts = endpoints.reduce((sum, group) => sum + group.hosts.length, 0);
  if (type === "LOGICAL_DNS" && (endpoints.length !== 1 || hosts !== 1)) {
    issues.add("load_assignment.endpoints", `takes one locality with one endpoint for LOGICAL_DNS, got ${hosts}`);
  }
  if (type !== "LOGICAL_DNS" && type !== "STRICT_DNS") return undefined;
  const { baseInterval, maxInterval } = cluster.dnsFailureRefreshRate ?? {};
  const path = "dns_failure_refresh_rate";
  const baseMs = issues.durationMs(`${path}.base_interval`, baseInterval);
  const maxMs = issues.durationMs(`${path}.max_interval`, maxInterval);
  if (cluster.dnsFailureRefreshRate && baseMs === undefined) issues.add(`${path}.base_interval`, "is required");
  if (baseMs !== undefined && maxMs !== undefined && maxMs < baseMs) {
    issues.add(`${path}.max_interval`, `must not be below base_interval, got ${maxMs} ms and ${baseMs} ms`);
  }
  return definedOnly<DnsDiscoveryOptions>({
    kind: type === "LOGICAL_DNS" ? "logical" : "strict",
    endpoints,
    refreshRateMs: issues.durationMs("dns_refresh_rate", cluster.dnsRefreshRate),
    respectTtl: cluster.respectDnsTtl,
    failureRefresh: baseMs === undefined ? undefined : { baseMs, ...(maxMs !== undefined && { maxMs }) },
    jitterMs: issues.durationMs("dns_jitter", cluster.dnsJitter),
    family: enumName(cluster.dnsLookupFamily),
  });
}

/** Notes hosts that are names in a cluster that looks up none. */
export function checkAddresses(cluster: ClusterMessage, path: string, issues: IssueList): void {
  const type = enumName(cluster.type);
  if (type?.endsWith("_DNS") || cluster.clusterType !== undefined) return;
  const groups = cluster.loadAssignment?.endpoints ?? [];
  if (type === "ORIGINAL_DST" && cluster.loadAssignment !== undefined) {
    issues.add("load_assignment", "an ORIGINAL_DST cluster takes no hosts of its own");
  }
  for (const [index, { lbEndpoints = [] }] of groups.entries()) {
    for (const [position, { endpoint }] of lbEndpoints.entries()) {
      const socket = endpoint?.address?.socketAddress;
      if (!socket?.address || socket.resolverName || ipaddr.isValid(socket.address)) continue;
      const place = `${path}endpoints[${index}].lb_endpoints[${position}].endpoint.address.socket_address.address`;
      issues.add(place, `must be an IP address in a cluster that is not of a DNS type, got ${socket.address}`);
    }
  }
}

/** The balancer an `ORIGINAL_DST` cluster brings. */
export function readOriginalDestination(cluster: ClusterMessage, issues: IssueList): Policy | undefined {
  const { useHttpHeader, httpHeaderName, upstreamPortOverride, metadataKey } = cluster.originalDstLbConfig ?? {};
  if (httpHeaderName && !useHttpHeader) {
    issues.add("original_dst_lb_config.http_header_name", `needs use_http_header, got ${httpHeaderName} without it`);
  }
  const metadata: MetadataPath | undefined = metadataKey && {
    filter: metadataKey.key ?? "",
    path: (metadataKey.path ?? []).map(({ key }) => key ?? ""),
  };
  const options = definedOnly<OriginalDestinationOptions>({
    header: useHttpHeader ? (httpHeaderName || DEFAULT_HEADER).toLowerCase() : undefined,
    metadata,
    portOverride: upstreamPortOverride,
    cleanupIntervalMs: issues.durationMs("cleanup_interval", cluster.cleanupInterval),
  });
  return issues.build(
    () => originalDestination(options),
    (field) => (field === "cleanup_interval" ? field : `original_dst_lb_config.${field}`),
  );
}

/** Envoy's. */
const DEFAULT_HEADER = "x-envoy-original-dst-host";

import type { Address } from "@weftmesh/xds-types/envoy/config/core/v3";
import type {
  ClusterLoadAssignment,
  ClusterLoadAssignment_Policy_DropOverload,
  Endpoint_HealthCheckConfig,
  LbEndpoint,
} from "@weftmesh/xds-types/envoy/config/endpoint/v3";
import ipaddr from "ipaddr.js";
import type { DropOverload } from "../cluster-options.js";
import { throwIssues } from "../errors.js";
import type { EndpointGroup, HostHealthCheck, HostOptions, Metadata } from "../host.js";
import { MAX_PRIORITY, MAX_WEIGHT } from "../host-check.js";
import { localityKey } from "../locality.js";
import { definedOnly, enumName, IssueList } from "./issues.js";

/** How endpoints are read. */
export interface EndpointOptions {
  /** The cluster finds hosts by DNS: a host without a hostname is known by the name it was looked up under. */
  readonly dns?: boolean;
}

/**
 * The hosts of an EDS message, for `cluster.update({ replace: endpointsFromXds(assignment) })`.
 *
 * @throws {@link LbError} `ERR_LB_CONFIG_INVALID` with every endpoint that cannot be accepted.
 */
export function endpointsFromXds(
  assignment: ClusterLoadAssignment,
  options: EndpointOptions = {},
): readonly EndpointGroup[] {
  const issues = new IssueList();
  const groups = readEndpoints(assignment, options, "", issues);
  throwIssues(issues.issues);
  return groups;
}

/** Reads endpoints and notes what is wrong with them under `path`, which ends in a dot or is empty. */
export function readEndpoints(
  assignment: ClusterLoadAssignment,
  options: EndpointOptions,
  path: string,
  issues: IssueList,
): EndpointGroup[] {
  const groups: EndpointGroup[] = [];
  const hostWeights = new Map<string, number>();
  const localityWeights = new Map<number, number>();
  for (const [index, group] of (assignment.endpoints ?? []).entries()) {
    const groupPath = `${path}endpoints[${index}]`;
    const priority = group.priority ?? 0;
    const weight = group.loadBalancingWeight ?? 0;
    if (priority > MAX_PRIORITY)
      issues.add(`${groupPath}.priority`, `must be at most ${MAX_PRIORITY}, got ${priority}`);
    if (group.loadBalancingWeight === 0) issues.add(`${groupPath}.load_balancing_weight`, "must be at least 1, got 0");
    const localitySum = (localityWeights.get(priority) ?? 0) + weight;
    localityWeights.set(priority, localitySum);
    if (localitySum > MAX_WEIGHT) {
      issues.add(`${groupPath}.load_balancing_weight`, `the sum of locality weights must not exceed ${MAX_WEIGHT}`);
    }
    const locality = definedOnly<NonNullable<EndpointGroup["locality"]>>({
      region: group.locality?.region,
      zone: group.locality?.zone,
      subZone: group.locality?.subZone,
    });
    const key = `${priority} ${localityKey(locality)}`;
    const hosts: HostOptions[] = [];
    for (const [position, endpoint] of (group.lbEndpoints ?? []).entries()) {
      const hostPath = `${groupPath}.lb_endpoints[${position}]`;
      const host = readHost(endpoint, assignment, options, hostPath, issues);
      if (host === undefined) continue;
      hosts.push(host);
      const sum = (hostWeights.get(key) ?? 0) + (host.weight ?? 1);
      hostWeights.set(key, sum);
      if (sum > MAX_WEIGHT) {
        issues.add(
          `${hostPath}.load_balancing_weight`,
          `the sum of weights of a locality must not exceed ${MAX_WEIGHT}`,
        );
      }
    }
    groups.push({ locality, priority, weight, hosts });
  }
  return groups;
}

function readHost(
  endpoint: LbEndpoint,
  assignment: ClusterLoadAssignment,
  options: EndpointOptions,
  path: string,
  issues: IssueList,
): HostOptions | undefined {
  const named = endpoint.endpointName === undefined ? undefined : assignment.namedEndpoints?.[endpoint.endpointName];
  const { address, hostname, healthCheckConfig } = endpoint.endpoint ?? named ?? {};
  const text = addressText(address);
  if (text === undefined) {
    issues.add(`${path}.endpoint.address`, "must be a socket address, a pipe or an internal address");
    return undefined;
  }
  if (endpoint.loadBalancingWeight === 0) issues.add(`${path}.load_balancing_weight`, "must be at least 1, got 0");
  const name = hostname || (options.dns ? address?.socketAddress?.address : undefined);
  return definedOnly<HostOptions>({
    address: text,
    hostname: name,
    weight: endpoint.loadBalancingWeight,
    health: enumName(endpoint.healthStatus),
    // Structs are JSON by construction.
    metadata: endpoint.metadata?.filterMetadata?.["envoy.lb"] as Metadata | undefined,
    healthCheck: healthCheckConfig && readHostCheck(healthCheckConfig),
  });
}

/** Empty texts and ports are absent ones, as everywhere in proto3. */
function readHostCheck(config: Endpoint_HealthCheckConfig): HostHealthCheck {
  const { address, portValue, hostname, disableActiveHealthCheck } = config;
  const socket = address?.socketAddress;
  return definedOnly<HostHealthCheck>({
    address: address?.pipe?.path || socket?.address || undefined,
    port: portValue || socket?.portValue || undefined,
    hostname: hostname || undefined,
    disabled: disableActiveHealthCheck || undefined,
  });
}

/** The text that identifies an address, as Envoy writes it: `ip:port`, `[v6]:port`, a path, `envoy://name/id`. */
export function addressText(address: Address | undefined): string | undefined {
  if (address?.pipe !== undefined) return address.pipe.path;
  const internal = address?.envoyInternalAddress;
  if (internal !== undefined) return `envoy://${internal.serverListenerName ?? ""}/${internal.endpointId ?? ""}`;
  const socket = address?.socketAddress;
  if (!socket?.address) return undefined;
  const port = socket.portValue ?? socket.namedPort ?? 0;
  const { address: host } = socket;
  if (!host.includes(":")) return `${host}:${port}`;
  return `[${ipaddr.IPv6.isValid(host) ? ipaddr.IPv6.parse(host).toRFC5952String() : host}]:${port}`;
}

const DENOMINATORS = { HUNDRED: 100, TEN_THOUSAND: 10_000, MILLION: 1_000_000 } as const;

/** Reads the categories of requests to drop; Envoy takes one. */
export function readDropOverloads(
  drops: readonly ClusterLoadAssignment_Policy_DropOverload[],
  path: string,
  issues: IssueList,
): DropOverload[] {
  if (drops.length > 1) issues.add(path, `takes one category at most, got ${drops.length}`);
  return drops.map(({ category = "", dropPercentage }, index) => {
    if (category === "") issues.add(`${path}[${index}].category`, "must not be empty");
    const denominator = DENOMINATORS[enumName(dropPercentage?.denominator) ?? "HUNDRED"];
    const percent = ((dropPercentage?.numerator ?? 0) * 100) / denominator;
    if (percent > 100) issues.add(`${path}[${index}].drop_percentage`, `must be at most 100 %, got ${percent} %`);
    return { category, percent };
  });
}

import type { ClientSideWeightedRoundRobin } from "@weftmesh/xds-types/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3";
import type {
  OverrideHost,
  OverrideHost_OverrideHostSource,
} from "@weftmesh/xds-types/envoy/extensions/load_balancing_policies/override_host/v3";
import type { RandomSubsetting } from "@weftmesh/xds-types/envoy/extensions/load_balancing_policies/random_subsetting/v3";
import type { MetadataKey } from "@weftmesh/xds-types/envoy/type/metadata/v3";
import {
  type ClientSideWeightedRoundRobinOptions,
  clientSideWeightedRoundRobin,
} from "../policy/client-side-weighted-round-robin.js";
import { type MetadataPath, type OverrideHostSource, overrideHost } from "../policy/override-host.js";
import { randomSubsetting } from "../policy/random-subsetting.js";
import type { Policy } from "../policy.js";
import { definedOnly } from "./issues.js";
import { readSlowStart } from "./locality.js";
import type { PolicyScope } from "./policy-scope.js";

/** Reads weights by reported load. */
export function readClientSideWeightedRoundRobin(
  config: ClientSideWeightedRoundRobin,
  path: string,
  scope: PolicyScope,
): Policy | undefined {
  const { issues } = scope;
  if (config.enableOobLoadReport) {
    issues.add(`${path}.enable_oob_load_report`, "load reports outside of responses are not supported");
  }
  const options = definedOnly<ClientSideWeightedRoundRobinOptions>({
    blackoutPeriodMs: issues.durationMs(`${path}.blackout_period`, config.blackoutPeriod),
    weightExpirationPeriodMs: issues.durationMs(`${path}.weight_expiration_period`, config.weightExpirationPeriod),
    weightUpdatePeriodMs: issues.durationMs(`${path}.weight_update_period`, config.weightUpdatePeriod),
    // The API documents 1 as default, which gRPC uses; Envoy 1.40 counts no errors unless told to.
    errorUtilizationPenalty: config.errorUtilizationPenalty ?? 0,
    metricNames: config.metricNamesForComputingUtilization,
    slowStart: readSlowStart(config.slowStartConfig, `${path}.slow_start_config`, issues),
    locality: scope.locality,
  });
  return issues.build(
    () => clientSideWeightedRoundRobin(options),
    (field) => `${path}.${field}`,
  );
}

/** Reads where the address of a request's host is found, and who chooses when it is not there. */
export function readOverrideHost(config: OverrideHost, path: string, scope: PolicyScope): Policy | undefined {
  if (config.fallbackPolicy === undefined) scope.issues.add(`${path}.fallback_policy`, "is required");
  const fallbackPolicy = scope.readList(config.fallbackPolicy ?? {}, `${path}.fallback_policy`, scope);
  const sources = (config.overrideHostSources ?? []).flatMap((source, index) =>
    readSource(source, `${path}.override_host_sources[${index}]`, scope),
  );
  // A source that cannot be read was reported already.
  if (fallbackPolicy === undefined || sources.length < (config.overrideHostSources ?? []).length) return undefined;
  const selectedHostKey = config.selectedHostKey && metadataPath(config.selectedHostKey);
  return scope.issues.build(
    () => overrideHost({ sources, fallbackPolicy, ...(selectedHostKey && { selectedHostKey }) }),
    (field) => `${path}.${field}`,
  );
}

function readSource(source: OverrideHost_OverrideHostSource, path: string, scope: PolicyScope): OverrideHostSource[] {
  const { header, metadata } = source;
  if ((header ? 1 : 0) + (metadata ? 1 : 0) !== 1) {
    scope.issues.add(path, "must have either a header or a metadata key");
    return [];
  }
  if (header) return [{ header: header.toLowerCase() }];
  return metadata ? [{ metadata: metadataPath(metadata) }] : [];
}

function metadataPath({ key = "", path = [] }: MetadataKey): MetadataPath {
  return { filter: key, path: path.map((segment) => segment.key ?? "") };
}

/** Reads how many hosts a client keeps, and who chooses among them. */
export function readRandomSubsetting(config: RandomSubsetting, path: string, scope: PolicyScope): Policy | undefined {
  if (config.childPolicy === undefined) scope.issues.add(`${path}.child_policy`, "is required");
  const childPolicy = scope.readList(config.childPolicy ?? {}, `${path}.child_policy`, scope);
  if (childPolicy === undefined) return undefined;
  return scope.issues.build(
    () => randomSubsetting({ subsetSize: config.subsetSize ?? 0, childPolicy }),
    (field) => `${path}.${field}`,
  );
}

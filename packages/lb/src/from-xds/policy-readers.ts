import type { ClientSideWeightedRoundRobin } from "@weftmesh/xds-types/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3";
import type { LeastRequest } from "@weftmesh/xds-types/envoy/extensions/load_balancing_policies/least_request/v3";
import type { Maglev } from "@weftmesh/xds-types/envoy/extensions/load_balancing_policies/maglev/v3";
import type { OverrideHost } from "@weftmesh/xds-types/envoy/extensions/load_balancing_policies/override_host/v3";
import type { Random } from "@weftmesh/xds-types/envoy/extensions/load_balancing_policies/random/v3";
import type { RandomSubsetting } from "@weftmesh/xds-types/envoy/extensions/load_balancing_policies/random_subsetting/v3";
import type { RingHash } from "@weftmesh/xds-types/envoy/extensions/load_balancing_policies/ring_hash/v3";
import type { RoundRobin } from "@weftmesh/xds-types/envoy/extensions/load_balancing_policies/round_robin/v3";
import type { Subset } from "@weftmesh/xds-types/envoy/extensions/load_balancing_policies/subset/v3";
import type { WrrLocality } from "@weftmesh/xds-types/envoy/extensions/load_balancing_policies/wrr_locality/v3";
import { type LeastRequestOptions, leastRequest } from "../policy/least-request.js";
import { maglev } from "../policy/maglev.js";
import { random } from "../policy/random.js";
import { type RingHashOptions, ringHash } from "../policy/ring-hash.js";
import { roundRobin } from "../policy/round-robin.js";
import { subset } from "../policy/subset.js";
import type { Policy } from "../policy.js";
import { readConsistentHashing, readRing } from "./hashing.js";
import { definedOnly, enumName } from "./issues.js";
import { readLocality, readSlowStart } from "./locality.js";
import type { PolicyReader, PolicyScope } from "./policy-scope.js";
import { readSubset } from "./subset.js";
import { readClientSideWeightedRoundRobin, readOverrideHost, readRandomSubsetting } from "./wrapping-readers.js";

const PREFIX = "envoy.extensions.load_balancing_policies";

/** How to read each policy that is known. The message has the type its type URL names, so the casts hold. */
export const POLICY_READERS: Readonly<Record<string, PolicyReader>> = {
  [`${PREFIX}.round_robin.v3.RoundRobin`]: (message, path, scope) => {
    const config = message as RoundRobin;
    const options = definedOnly<Parameters<typeof roundRobin>[0] & object>({
      slowStart: readSlowStart(config.slowStartConfig, `${path}.slow_start_config`, scope.issues),
      locality: scope.locality ?? readLocality(config.localityLbConfig),
    });
    return make(() => roundRobin(options), path, scope);
  },
  [`${PREFIX}.least_request.v3.LeastRequest`]: (message, path, scope) => {
    const config = message as LeastRequest;
    const fullScan = config.enableFullScan || enumName(config.selectionMethod) === "FULL_SCAN";
    const options = definedOnly<LeastRequestOptions>({
      choiceCount: config.choiceCount,
      selection: fullScan ? "full-scan" : undefined,
      activeRequestBias: config.activeRequestBias && (config.activeRequestBias.defaultValue ?? 0),
      slowStart: readSlowStart(config.slowStartConfig, `${path}.slow_start_config`, scope.issues),
      locality: scope.locality ?? readLocality(config.localityLbConfig),
    });
    return make(() => leastRequest(options), path, scope);
  },
  [`${PREFIX}.random.v3.Random`]: (message, path, scope) => {
    const locality = scope.locality ?? readLocality((message as Random).localityLbConfig);
    return make(() => random(definedOnly({ locality })), path, scope);
  },
  [`${PREFIX}.ring_hash.v3.RingHash`]: (message, path, scope) => {
    const config = message as RingHash;
    // The two fields beside the common message are its older form; the common message wins.
    const consistent = {
      ...definedOnly<NonNullable<RingHash["consistentHashingLbConfig"]>>({
        useHostnameForHashing: config.useHostnameForHashing,
        hashBalanceFactor: config.hashBalanceFactor,
      }),
      ...config.consistentHashingLbConfig,
    };
    const options: RingHashOptions = {
      ...readRing(config),
      ...readConsistentHashing(consistent, `${path}.consistent_hashing_lb_config`, scope.issues),
      localityWeighted: scope.locality !== undefined || config.localityWeightedLbConfig !== undefined,
    };
    return make(() => ringHash(options), path, scope);
  },
  [`${PREFIX}.maglev.v3.Maglev`]: (message, path, scope) => {
    const config = message as Maglev;
    const consistent = config.consistentHashingLbConfig ?? {};
    const options = {
      ...(config.tableSize !== undefined && { tableSize: Number(config.tableSize) }),
      ...readConsistentHashing(consistent, `${path}.consistent_hashing_lb_config`, scope.issues),
      localityWeighted: scope.locality !== undefined || config.localityWeightedLbConfig !== undefined,
    };
    return make(() => maglev(options), path, scope);
  },
  [`${PREFIX}.subset.v3.Subset`]: (message, path, scope) => {
    const config = message as Subset;
    const child = scope.readList(config.subsetLbPolicy ?? {}, `${path}.subset_lb_policy`, scope);
    return make(() => subset(readSubset(config, child)), path, scope);
  },
  [`${PREFIX}.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin`]: (message, path, scope) =>
    readClientSideWeightedRoundRobin(message as ClientSideWeightedRoundRobin, path, scope),
  [`${PREFIX}.override_host.v3.OverrideHost`]: (message, path, scope) =>
    readOverrideHost(message as OverrideHost, path, scope),
  [`${PREFIX}.random_subsetting.v3.RandomSubsetting`]: (message, path, scope) =>
    readRandomSubsetting(message as RandomSubsetting, path, scope),
  [`${PREFIX}.wrr_locality.v3.WrrLocality`]: (message, path, scope) =>
    scope.readList((message as WrrLocality).endpointPickingPolicy ?? {}, `${path}.endpoint_picking_policy`, {
      ...scope,
      locality: { kind: "locality-weighted" },
    }),
};

function make(policy: () => Policy, path: string, scope: PolicyScope): Policy | undefined {
  return scope.issues.build(policy, (field) => `${path}.${field}`);
}

import type { LeastRequest } from "@weftmesh/xds-types/envoy/extensions/load_balancing_policies/least_request/v3";
import type { Maglev } from "@weftmesh/xds-types/envoy/extensions/load_balancing_policies/maglev/v3";
import type { Random } from "@weftmesh/xds-types/envoy/extensions/load_balancing_policies/random/v3";
import type { RingHash } from "@weftmesh/xds-types/envoy/extensions/load_balancing_policies/ring_hash/v3";
import type { RoundRobin } from "@weftmesh/xds-types/envoy/extensions/load_balancing_policies/round_robin/v3";
import type { Subset } from "@weftmesh/xds-types/envoy/extensions/load_balancing_policies/subset/v3";
import type { WrrLocality } from "@weftmesh/xds-types/envoy/extensions/load_balancing_policies/wrr_locality/v3";
import { type LeastRequestOptions, leastRequest } from "../policy/least-request.js";
import { maglev } from "../policy/maglev.js";
import { random } from "../policy/random.js";
import { ringHash } from "../policy/ring-hash.js";
import { roundRobin } from "../policy/round-robin.js";
import { subset } from "../policy/subset.js";
import { readConsistentHashing, readMaglevSize, readRing } from "./hashing.js";
import { definedOnly, enumName } from "./issues.js";
import { readLocality, readSlowStart } from "./locality.js";
import type { PolicyReader } from "./policy-scope.js";
import { readSubset } from "./subset.js";

const PREFIX = "envoy.extensions.load_balancing_policies";

/** How to read each policy that is known. The message has the type its type URL names, so the casts hold. */
export const POLICY_READERS: Readonly<Record<string, PolicyReader>> = {
  [`${PREFIX}.round_robin.v3.RoundRobin`]: (message, path, scope) => {
    const config = message as RoundRobin;
    return roundRobin(
      definedOnly({
        slowStart: readSlowStart(config.slowStartConfig, `${path}.slow_start_config`, scope.issues),
        locality: scope.locality ?? readLocality(config.localityLbConfig, `${path}.locality_lb_config`, scope.issues),
      }),
    );
  },
  [`${PREFIX}.least_request.v3.LeastRequest`]: (message, path, scope) => {
    const config = message as LeastRequest;
    if (config.choiceCount !== undefined && config.choiceCount < 2) {
      scope.issues.add(`${path}.choice_count`, `must be at least 2, got ${config.choiceCount}`);
    }
    const fullScan = config.enableFullScan || enumName(config.selectionMethod) === "FULL_SCAN";
    return leastRequest(
      definedOnly<LeastRequestOptions>({
        choiceCount: config.choiceCount,
        selection: fullScan ? "full-scan" : undefined,
        activeRequestBias: config.activeRequestBias && (config.activeRequestBias.defaultValue ?? 0),
        slowStart: readSlowStart(config.slowStartConfig, `${path}.slow_start_config`, scope.issues),
        locality: scope.locality ?? readLocality(config.localityLbConfig, `${path}.locality_lb_config`, scope.issues),
      }),
    );
  },
  [`${PREFIX}.random.v3.Random`]: (message, path, scope) => {
    const config = message as Random;
    return random(
      definedOnly({
        locality: scope.locality ?? readLocality(config.localityLbConfig, `${path}.locality_lb_config`, scope.issues),
      }),
    );
  },
  [`${PREFIX}.ring_hash.v3.RingHash`]: (message, path, scope) => {
    const config = message as RingHash;
    return ringHash({
      ...readRing(config, path, scope.issues),
      ...readConsistentHashing(
        {
          ...definedOnly<NonNullable<RingHash["consistentHashingLbConfig"]>>({
            useHostnameForHashing: config.useHostnameForHashing,
            hashBalanceFactor: config.hashBalanceFactor,
          }),
          ...config.consistentHashingLbConfig,
        },
        `${path}.consistent_hashing_lb_config`,
        scope.issues,
      ),
      localityWeighted: scope.locality !== undefined || config.localityWeightedLbConfig !== undefined,
    });
  },
  [`${PREFIX}.maglev.v3.Maglev`]: (message, path, scope) => {
    const config = message as Maglev;
    return maglev({
      ...readMaglevSize(config.tableSize, `${path}.table_size`, scope.issues),
      ...readConsistentHashing(
        config.consistentHashingLbConfig ?? {},
        `${path}.consistent_hashing_lb_config`,
        scope.issues,
      ),
      localityWeighted: scope.locality !== undefined || config.localityWeightedLbConfig !== undefined,
    });
  },
  [`${PREFIX}.subset.v3.Subset`]: (message, path, scope) => {
    const config = message as Subset;
    const child = scope.readList(config.subsetLbPolicy ?? {}, `${path}.subset_lb_policy`, scope);
    return subset(readSubset(config, path, scope.issues, child));
  },
  [`${PREFIX}.wrr_locality.v3.WrrLocality`]: (message, path, scope) => {
    const config = message as WrrLocality;
    return scope.readList(config.endpointPickingPolicy ?? {}, `${path}.endpoint_picking_policy`, {
      ...scope,
      locality: { kind: "locality-weighted" },
    });
  },
};

import type {
  LocalityLbConfig,
  SlowStartConfig,
} from "@weftmesh/xds-types/envoy/extensions/load_balancing_policies/common/v3";
import type { LocalityMode, ZoneAware } from "../locality-options.js";
import type { SlowStartOptions } from "../slow-start.js";
import { definedOnly, enumName, type IssueList } from "./issues.js";

/** Reads how localities take part. */
export function readLocality(config: LocalityLbConfig | undefined): LocalityMode | undefined {
  if (config?.localityWeightedLbConfig !== undefined) return { kind: "locality-weighted" };
  const zone = config?.zoneAwareLbConfig;
  if (zone === undefined) return undefined;
  // The older flag means the newer message with its default.
  const forced = zone.forceLocalZone ?? (zone.forceLocalityDirectRouting ? {} : undefined);
  return definedOnly<ZoneAware>({
    kind: "zone-aware",
    routingEnabledPercent: zone.routingEnabled && (zone.routingEnabled.value ?? 0),
    minClusterSize: zone.minClusterSize === undefined ? undefined : Number(zone.minClusterSize),
    failTrafficOnPanic: zone.failTrafficOnPanic,
    forceLocalZoneMinSize: forced && (forced.minSize ?? 1),
    localityBasis: enumName(zone.localityBasis),
  });
}

/** Reads slow start; without a window there is none. */
export function readSlowStart(
  config: SlowStartConfig | undefined,
  path: string,
  issues: IssueList,
): SlowStartOptions | undefined {
  const windowMs = issues.durationMs(`${path}.slow_start_window`, config?.slowStartWindow);
  if (!windowMs) return undefined;
  return definedOnly<SlowStartOptions>({
    windowMs,
    aggression: config?.aggression && (config.aggression.defaultValue ?? 0),
    minWeightPercent: config?.minWeightPercent && (config.minWeightPercent.value ?? 0),
  });
}

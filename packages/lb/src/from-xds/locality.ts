import type {
  LocalityLbConfig,
  SlowStartConfig,
} from "@weftmesh/xds-types/envoy/extensions/load_balancing_policies/common/v3";
import type { LocalityMode, ZoneAware } from "../locality-options.js";
import type { SlowStartOptions } from "../slow-start.js";
import { definedOnly, enumName, type IssueList } from "./issues.js";

/** Reads how localities take part. */
export function readLocality(
  config: LocalityLbConfig | undefined,
  path: string,
  issues: IssueList,
): LocalityMode | undefined {
  if (config?.localityWeightedLbConfig !== undefined) return { kind: "locality-weighted" };
  const zone = config?.zoneAwareLbConfig;
  if (zone === undefined) return undefined;
  const { forceLocalityDirectRouting, forceLocalZone } = zone;
  if (
    zone.routingEnabled?.value !== undefined &&
    !(zone.routingEnabled.value >= 0 && zone.routingEnabled.value <= 100)
  ) {
    issues.add(`${path}.zone_aware_lb_config.routing_enabled`, `must be 0 to 100, got ${zone.routingEnabled.value}`);
  }
  // The older flag means the newer message with its default.
  const minSize = forceLocalZone === undefined ? undefined : (forceLocalZone.minSize ?? 1);
  return definedOnly<ZoneAware>({
    kind: "zone-aware",
    routingEnabledPercent: zone.routingEnabled && (zone.routingEnabled.value ?? 0),
    minClusterSize: zone.minClusterSize === undefined ? undefined : Number(zone.minClusterSize),
    failTrafficOnPanic: zone.failTrafficOnPanic,
    forceLocalZoneMinSize: minSize ?? (forceLocalityDirectRouting ? 1 : undefined),
    localityBasis: enumName(zone.localityBasis),
  });
}

/** Reads slow start; without a window there is none. */
export function readSlowStart(
  config: SlowStartConfig | undefined,
  path: string,
  issues: IssueList,
): SlowStartOptions | undefined {
  if (config?.slowStartWindow === undefined) return undefined;
  const windowMs = issues.durationMs(`${path}.slow_start_window`, config.slowStartWindow) ?? 0;
  const minWeightPercent = config.minWeightPercent && (config.minWeightPercent.value ?? 0);
  if (minWeightPercent !== undefined && !(minWeightPercent >= 0 && minWeightPercent <= 100)) {
    issues.add(`${path}.min_weight_percent`, `must be 0 to 100, got ${minWeightPercent}`);
  }
  if (windowMs === 0) return undefined;
  return definedOnly<SlowStartOptions>({
    windowMs,
    aggression: config.aggression && (config.aggression.defaultValue ?? 0),
    minWeightPercent,
  });
}

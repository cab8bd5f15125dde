import type { EjectEvent, UnejectEvent } from "./event.js";

/** A line of the event log: `envoy.data.cluster.v3.OutlierDetectionEvent` as ProtoJSON. */
export type OutlierLogEntry = Readonly<Record<string, unknown>>;

/**
 * What Envoy would write into its outlier event log; a line of the log is this as JSON. Rates are whole percentages
 * there, and what is below 0 is 0.
 *
 * @param timestamp - When it happened, in RFC 3339 such as of `new Date().toISOString()`: events carry the cluster's
 * clock, which need not be that of the wall.
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier#ejection-event-logging
 */
export function outlierLogEntry(event: EjectEvent | UnejectEvent, timestamp: string): OutlierLogEntry {
  const { secsSinceLastAction } = event;
  return {
    // Bringing a host back has no type of its own; the first one is what the message then says.
    type: event.type ?? "CONSECUTIVE_5XX",
    timestamp: timestamp,
    // 64 bits: text in ProtoJSON.
    ...(secsSinceLastAction >= 0 && { secs_since_last_action: `${secsSinceLastAction}` }),
    cluster_name: event.cluster,
    upstream_url: event.host,
    action: event.action,
    num_ejections: event.numEjections,
    enforced: event.action === "EJECT" && event.enforced,
    ...(event.action === "EJECT" && causeOf(event)),
  };
}

function causeOf(event: EjectEvent): OutlierLogEntry {
  const host_success_rate = percent(event.hostSuccessRate);
  switch (event.type) {
    case "SUCCESS_RATE":
    case "SUCCESS_RATE_LOCAL_ORIGIN":
      return {
        eject_success_rate_event: {
          host_success_rate,
          cluster_average_success_rate: percent(event.clusterAverageSuccessRate),
          cluster_success_rate_ejection_threshold: percent(event.clusterSuccessRateEjectionThreshold),
        },
      };
    case "FAILURE_PERCENTAGE":
    case "FAILURE_PERCENTAGE_LOCAL_ORIGIN":
      return { eject_failure_percentage_event: { host_success_rate } };
    default:
      return { eject_consecutive_event: {} };
  }
}

function percent(rate = 0): number {
  return Math.max(0, Math.trunc(rate));
}

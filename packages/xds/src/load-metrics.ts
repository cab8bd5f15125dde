import type { OrcaLoadReport } from "@weftmesh/xds-types/xds/data/orca/v3";

/**
 * The part of an ORCA report that goes into load reports, chosen as `lrs_report_endpoint_metrics` of a cluster chooses it:
 * `cpu_utilization`, `named_metrics.queue`, `utilization.*`. Names are spelled as in LRS.
 *
 * @see https://github.com/grpc/proposal/blob/master/A85-lrs-custom-metrics-changes.md
 */
export function selectMetrics(report: OrcaLoadReport, selectors: readonly string[]): Readonly<Record<string, number>> {
  const chosen: Record<string, number> = Object.create(null);
  const plain = {
    cpu_utilization: report.cpuUtilization,
    mem_utilization: report.memUtilization,
    application_utilization: report.applicationUtilization,
    rps_fractional: report.rpsFractional,
    eps: report.eps,
  } as const;
  for (const [name, value = 0] of Object.entries(plain)) {
    // An unset utilisation is 0 on the wire and no measurement.
    if (value !== 0 && selectors.includes(name)) chosen[name] = value;
  }
  const maps = {
    named_metrics: report.namedMetrics,
    utilization: report.utilization,
    request_cost: report.requestCost,
  };
  for (const [map, entries = {}] of Object.entries(maps)) {
    for (const [key, value] of Object.entries(entries)) {
      const name = `${map}.${key}`;
      if (selectors.includes(`${map}.*`) || selectors.includes(name)) chosen[name] = value;
    }
  }
  return chosen;
}

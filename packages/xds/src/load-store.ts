import type { ClusterStats, UpstreamLocalityStats } from "@weftmesh/xds-types/envoy/config/endpoint/v3";
import type { Locality } from "./node.js";

/** Where a request goes, for the load report. */
export interface LoadTarget {
  /** The cluster. */
  readonly cluster: string;
  /** The `service_name` of an EDS cluster. Default none. */
  readonly service?: string;
  /** The locality of the host. */
  readonly locality: Locality;
  /** The locality's priority. Default 0. */
  readonly priority?: number;
}

/** What came of a request. */
export interface LoadOutcome {
  /** Whether it failed. Default false. */
  readonly error?: boolean;
  /** Named costs of it, as ORCA reports them. Default none. */
  readonly metrics?: Readonly<Record<string, number>>;
}

/** Counts requests between two reports (L1). */
export interface LoadStore {
  /** Counts a request that begins. The returned function counts its end; calling it again does nothing. */
  start(target: LoadTarget): (outcome?: LoadOutcome) => void;
  /** Counts a request that was dropped on purpose. */
  drop(cluster: string, category: string): void;
  /**
   * What was counted since the last report; the counts begin anew, requests in progress excepted.
   *
   * @param clusters - Names, or `"all"`. What is not named is counted on and not reported.
   * @param now - Monotonic milliseconds; a cluster's interval is measured from its last report.
   */
  report(clusters: readonly string[] | "all", now: number): readonly ClusterStats[];
}

interface LocalityLoad {
  readonly locality: Locality;
  readonly priority: number;
  issued: number;
  succeeded: number;
  failed: number;
  inProgress: number;
  readonly metrics: Map<string, { count: number; total: number }>;
}

interface ClusterLoad {
  readonly cluster: string;
  readonly service: string;
  readonly localities: Map<string, LocalityLoad>;
  readonly drops: Map<string, number>;
  since: number;
}

/** Makes an empty store. @param now - Monotonic milliseconds. */
export function createLoadStore(now: number): LoadStore {
  const clusters = new Map<string, ClusterLoad>();
  let begun = now;

  function clusterOf(cluster: string, service: string): ClusterLoad {
    const key = JSON.stringify([cluster, service]);
    let load = clusters.get(key);
    if (load === undefined) {
      load = { cluster, service, localities: new Map(), drops: new Map(), since: begun };
      clusters.set(key, load);
    }
    return load;
  }

  return {
    start({ cluster, service = "", locality, priority = 0 }) {
      const { region = "", zone = "", subZone = "" } = locality;
      const { localities } = clusterOf(cluster, service);
      const key = JSON.stringify([region, zone, subZone, priority]);
      let load = localities.get(key);
      if (load === undefined) {
        load = { locality, priority, issued: 0, succeeded: 0, failed: 0, inProgress: 0, metrics: new Map() };
        localities.set(key, load);
      }
      const counted = load;
      counted.issued++;
      counted.inProgress++;
      let open = true;
      return ({ error = false, metrics = {} } = {}) => {
        if (!open) return;
        open = false;
        counted.inProgress--;
        if (error) counted.failed++;
        else counted.succeeded++;
        for (const [name, value] of Object.entries(metrics)) {
          const sum = counted.metrics.get(name) ?? { count: 0, total: 0 };
          counted.metrics.set(name, { count: sum.count + 1, total: sum.total + value });
        }
      };
    },
    drop(cluster, category) {
      const { drops } = clusterOf(cluster, "");
      drops.set(category, (drops.get(category) ?? 0) + 1);
    },
    report(wanted, at) {
      const reports: ClusterStats[] = [];
      for (const load of clusters.values()) {
        if (wanted === "all" || wanted.includes(load.cluster)) reports.push(takeCluster(load, at));
      }
      begun = at;
      return reports;
    },
  };
}

function takeCluster(load: ClusterLoad, now: number): ClusterStats {
  const { cluster, service, localities, drops } = load;
  const elapsedMs = Math.max(0, now - load.since);
  load.since = now;
  const upstreamLocalityStats: UpstreamLocalityStats[] = [];
  for (const [key, locality] of localities) {
    if (locality.issued + locality.succeeded + locality.failed + locality.inProgress > 0) {
      upstreamLocalityStats.push(takeLocality(locality));
    } else localities.delete(key);
  }
  const dropped = [...drops].map(([category, count]) => ({ category, droppedCount: BigInt(count) }));
  drops.clear();
  return {
    clusterName: cluster,
    ...(service === "" ? {} : { clusterServiceName: service }),
    upstreamLocalityStats,
    totalDroppedRequests: dropped.reduce((sum, { droppedCount }) => sum + droppedCount, 0n),
    droppedRequests: dropped,
    loadReportInterval: {
      seconds: BigInt(Math.floor(elapsedMs / 1000)),
      nanos: Math.floor((elapsedMs % 1000) * 1e6),
    },
  };
}

// Requests in progress are a gauge, all others count from report to report.
function takeLocality(load: LocalityLoad): UpstreamLocalityStats {
  const taken: UpstreamLocalityStats = {
    locality: { ...load.locality },
    priority: load.priority,
    totalIssuedRequests: BigInt(load.issued),
    totalSuccessfulRequests: BigInt(load.succeeded),
    totalErrorRequests: BigInt(load.failed),
    totalRequestsInProgress: BigInt(load.inProgress),
    loadMetricStats: [...load.metrics].map(([metricName, { count, total }]) => ({
      metricName,
      numRequestsFinishedWithMetric: BigInt(count),
      totalMetricValue: total,
    })),
  };
  load.issued = 0;
  load.succeeded = 0;
  load.failed = 0;
  load.metrics.clear();
  return taken;
}

import type { CompiledRoute } from "../route.js";
import type { CompiledTable } from "../route-table.js";
import type { Actual } from "./actual.js";

/** How much of a table its tests reach. */
export interface RouteCoverage {
  /** Percent of the routes that at least one held assertion reached; a weighted route counts once for each cluster. */
  readonly percent: number;
  /** Percent with each assertion counted: five for a forwarding route, two for any other. */
  readonly allPercent: number;
  /** Routes that were not reached: where they stand. */
  readonly missing: readonly string[];
}

const forwardFields = [
  "cluster_name",
  "virtual_cluster_name",
  "virtual_host_name",
  "path_rewrite",
  "host_rewrite",
] as const;
const directFields = ["path_redirect", "code_redirect"] as const;

/** Collects which assertions held on which routes. */
export class Coverage {
  readonly #routes = new Map<
    string,
    { readonly route: CompiledRoute; readonly fields: Set<string>; readonly clusters: Set<string> }
  >();

  constructor(table: CompiledTable) {
    for (const { host } of table.hosts.values()) {
      for (const route of host.routes)
        this.#routes.set(route.info.path, { route, fields: new Set(), clusters: new Set() });
    }
  }

  /** Notes that an assertion held. */
  reached(actual: Actual, field: string): void {
    const entry = actual.route === undefined ? undefined : this.#routes.get(actual.route.path);
    if (entry === undefined) return;
    entry.fields.add(field);
    entry.clusters.add(actual.cluster);
  }

  /** The arithmetic of router_check_tool. */
  report(): RouteCoverage {
    let total = 0;
    let covered = 0;
    let share = 0;
    const missing: string[] = [];
    for (const [path, { route, fields, clusters }] of this.#routes) {
      const weighted = route.config.route?.weightedClusters?.clusters?.length ?? 1;
      total += weighted;
      if (fields.size === 0) missing.push(path);
      else covered += weighted === 1 ? 1 : clusters.size;
      const wanted: readonly string[] = route.rule.kind === "forward" ? forwardFields : directFields;
      share += (wanted.filter((field) => fields.has(field)).length / wanted.length) * weighted;
    }
    const percent = (part: number): number => (total === 0 ? 0 : (part / total) * 100);
    return { percent: percent(covered), allPercent: percent(share), missing };
  }
}

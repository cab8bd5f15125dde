import type { CompiledRoute } from "../route.js";
import type { CompiledTable } from "../route-table.js";
import type { Actual } from "./actual.js";
import { textFormat } from "./text-format.js";

/** How much of a table its tests reach. */
export interface RouteCoverage {
  /** Percent of the routes that at least one held assertion reached; a weighted route counts once for each cluster. */
  readonly percent: number;
  /** Percent with each assertion counted: five for a forwarding route, two for any other. */
  readonly allPercent: number;
  /** Routes that were not reached. */
  readonly missing: readonly MissingRouteTest[];
}

/** A route that no test reaches. */
export interface MissingRouteTest {
  /** Where it stands: `virtual_hosts[0].routes[2]`. */
  readonly path: string;
  /** Name of its virtual host. */
  readonly virtualHost: string;
  /** Its match in protobuf's text format, as router_check_tool prints it. */
  readonly match: string;
}

const forwardFields = [
  "cluster_name",
  "virtual_cluster_name",
  "virtual_host_name",
  "path_rewrite",
  "host_rewrite",
] as const;
const directFields = ["path_redirect", "code_redirect"] as const;

interface Entry {
  readonly route: CompiledRoute;
  readonly virtualHost: string;
  /** By cluster, if the route is weighted, the assertions that held. */
  readonly held: Map<string, Set<string>>;
}

/** Collects which assertions held on which routes. */
export class Coverage {
  readonly #routes = new Map<string, Entry>();

  constructor(table: CompiledTable) {
    for (const { host } of table.hosts.values()) {
      for (const route of host.routes)
        this.#routes.set(route.info.path, { route, virtualHost: host.info.name, held: new Map() });
    }
  }

  /** Notes that an assertion held. */
  reached(actual: Actual, field: string): void {
    const entry = actual.route === undefined ? undefined : this.#routes.get(actual.route.path);
    if (entry === undefined) return;
    const weighted = entry.route.config.route?.weightedClusters !== undefined;
    const cluster = weighted ? actual.cluster : "";
    entry.held.set(cluster, (entry.held.get(cluster) ?? new Set<string>()).add(field));
  }

  /** The arithmetic of router_check_tool. */
  report(): RouteCoverage {
    let total = 0;
    let covered = 0;
    let share = 0;
    const missing: MissingRouteTest[] = [];
    for (const [path, { route, virtualHost, held }] of this.#routes) {
      // Each cluster of a weighted route is a route of its own here.
      total += route.config.route?.weightedClusters?.clusters?.length ?? 1;
      covered += held.size;
      if (held.size === 0)
        missing.push({
          path,
          virtualHost,
          match: textFormat(route.config.match ?? {}, "envoy.config.route.v3.RouteMatch"),
        });
      const wanted: readonly string[] = route.rule.kind === "forward" ? forwardFields : directFields;
      for (const fields of held.values()) share += wanted.filter((field) => fields.has(field)).length / wanted.length;
    }
    const percent = (part: number): number => (total === 0 ? 0 : (part / total) * 100);
    return { percent: percent(covered), allPercent: percent(share), missing };
  }
}

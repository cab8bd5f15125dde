import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { CaseRunner, LbCase } from "./lb-cases/case.js";
import { boundedLoad, hashPolicy, maglevTables, ring } from "./lb-cases/hashing.js";
import { circuitBreakers, leastRequests, priorityLoad, zoneAware } from "./lb-cases/loads.js";
import { outlierDetection } from "./lb-cases/outliers.js";
import { pitfalls } from "./lb-cases/pitfalls.js";
import { healthChecks, linkerd, orcaWeights } from "./lb-cases/reports.js";
import { edfWeighted, localityWeighted, slowStart, staticStride } from "./lb-cases/schedules.js";
import { subsets } from "./lb-cases/subsets.js";
import { type Case, notUnderstood, type Suite } from "./suite.js";

const RUNNERS: Readonly<Record<string, CaseRunner>> = {
  circuit_breakers: circuitBreakers,
  edf_weighted: edfWeighted,
  hash_policy: hashPolicy,
  health_check: healthChecks,
  least_request: leastRequests,
  linkerd_ewma_breaker_budget: linkerd,
  locality_weighted: localityWeighted,
  maglev: maglevTables,
  orca_weights: orcaWeights,
  outlier_detection: outlierDetection,
  pitfalls,
  priority_load: priorityLoad,
  ring_hash: ring,
  ring_hash_bounded_load: boundedLoad,
  slow_start: slowStart,
  static_stride: staticStride,
  subset: subsets,
  zone_aware: zoneAware,
};

/** Arithmetic of balancers: input to sequence, table, share or state. */
export const suite: Suite = {
  name: "lb",
  *cases(dir): Iterable<Case> {
    for (const file of readdirSync(dir)
      .filter((name) => name.endsWith(".json"))
      .sort()) {
      const name = basename(file, ".json");
      const runner = Object.hasOwn(RUNNERS, name) ? RUNNERS[name] : undefined;
      const { cases } = JSON.parse(readFileSync(join(dir, file), "utf8")) as { readonly cases?: readonly LbCase[] };
      if (runner === undefined || cases === undefined) {
        yield notUnderstood(file, runner === undefined ? "an unknown file" : "a file without cases");
        continue;
      }
      for (const data of cases) yield { name: `${name}/${data.id}`, run: () => runner(data) };
    }
  },
};

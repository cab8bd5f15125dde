import { type Issue, throwIssues } from "./errors.js";
import { CandidateRun } from "./simulate/candidate-run.js";
import type { SimulationReport } from "./simulate/report.js";
import type { Scenario } from "./simulate/scenario.js";
import { checkScenario, pathText } from "./simulate/scenario-check.js";
import { seededRandom } from "./testing.js";

export {
  type CandidateReport,
  type Percentiles,
  renderSvg,
  renderTable,
  type SimulationReport,
} from "./simulate/report.js";
export type { Candidate, Scenario, ScenarioEvent, ServerGroup, ServerOptions } from "./simulate/scenario.js";

/** How far a simulation has come. */
export interface SimulationProgress {
  /** The candidate that is played. */
  readonly candidate: string;
  /** Its requests that have arrived. */
  readonly arrived: number;
}

/**
 * Plays the same traffic against each candidate in virtual time and says what came of it. The same scenario gives the
 * same report, byte for byte.
 *
 * @param watch - Called now and then, every some thousand requests. Default: nobody watches.
 * @throws {@link LbError} `ERR_LB_CONFIG_INVALID` with everything that is wrong with the scenario, such as
 * `servers[0].count`, and as {@link createCluster} does if a candidate's options are refused.
 */
export function simulate(scenario: Scenario, watch?: (progress: SimulationProgress) => void): SimulationReport {
  const issues = checkScenario(scenario, "options").map(
    ({ path, message }): Issue => ({ code: "ERR_LB_CONFIG_INVALID", path: pathText(path) || "scenario", message }),
  );
  throwIssues(issues);
  return {
    scenario: scenario.name,
    seed: scenario.seed ?? 1,
    requests: scenario.requests,
    candidates: scenario.candidates.map(({ name, options }) =>
      new CandidateRun(scenario, name, options, seededRandom).run((arrived) => watch?.({ candidate: name, arrived })),
    ),
  };
}

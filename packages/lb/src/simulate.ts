import { CandidateRun } from "./simulate/candidate-run.js";
import type { SimulationReport } from "./simulate/report.js";
import type { Scenario } from "./simulate/scenario.js";
import { seededRandom } from "./testing.js";

export {
  type CandidateReport,
  type Percentiles,
  renderSvg,
  renderTable,
  type SimulationReport,
} from "./simulate/report.js";
export type { Candidate, Scenario, ScenarioEvent, ServerGroup, ServerOptions } from "./simulate/scenario.js";

/**
 * Plays the same traffic against each candidate in virtual time and says what came of it. The same scenario gives the
 * same report, byte for byte.
 *
 * @throws {@link LbError} if a candidate's options are refused.
 */
export function simulate(scenario: Scenario): SimulationReport {
  return {
    scenario: scenario.name,
    seed: scenario.seed ?? 1,
    requests: scenario.requests,
    candidates: scenario.candidates.map(({ name, options }) =>
      new CandidateRun(scenario, name, options, seededRandom).run(),
    ),
  };
}

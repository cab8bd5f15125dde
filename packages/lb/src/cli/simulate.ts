import { writeFileSync } from "node:fs";
import { Cluster, type ClusterJson } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import { parse } from "yaml";
import type { ClusterOptions } from "../cluster-options.js";
import { LbError } from "../errors.js";
import { optionsFromXds } from "../from-xds.js";
import { peakEwma } from "../policy/peak-ewma.js";
import { renderSvg, renderTable, type Scenario, simulate } from "../simulate.js";
import { InputError, type Output } from "./output.js";
import { checkScenario } from "./scenario-check.js";

/** Options of `weft-lb simulate`. */
export interface SimulateCommand {
  readonly json: boolean;
  readonly svg?: string;
  readonly seed?: number;
  readonly requests?: number;
}

/** A candidate as a scenario file describes it. */
interface CandidateFile {
  readonly name: string;
  /** A Cluster of the xDS API, without hosts. */
  readonly cluster?: ClusterJson;
  /** A policy Envoy does not have. */
  readonly policy?: "peak_ewma";
}

/** `weft-lb simulate` */
export async function runSimulate(
  text: string,
  file: string,
  command: SimulateCommand,
  output: Output,
): Promise<number> {
  const scenario = readScenario(text, file);
  const report = simulate({
    ...scenario,
    ...(command.seed !== undefined && { seed: command.seed }),
    ...(command.requests !== undefined && { requests: command.requests }),
  });
  output.stdout(command.json ? `${JSON.stringify(report, undefined, 2)}\n` : renderTable(report));
  if (command.svg !== undefined) writeFileSync(command.svg, renderSvg(report));
  return 0;
}

/** Reads a scenario file. */
export function readScenario(text: string, file: string): Scenario {
  let data: unknown;
  try {
    data = parse(text);
  } catch (error) {
    throw new InputError(`${file}: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`);
  }
  const problem = checkScenario(data);
  if (problem !== undefined) throw new InputError(`${file} ${problem}`);
  const { candidates, ...scenario } = data as Omit<Scenario, "candidates"> & {
    readonly candidates: readonly CandidateFile[];
  };
  return {
    ...scenario,
    candidates: candidates.map((candidate, index) => ({
      name: candidate.name,
      options: optionsOf(candidate, `${file} candidates[${index}].cluster`),
    })),
  };
}

function optionsOf(candidate: CandidateFile, place: string): ClusterOptions {
  try {
    const message = Cluster.fromJson({ type: "STATIC", ...candidate.cluster } as ClusterJson);
    const { endpoints: _, ...options } = optionsFromXds(message, undefined);
    return candidate.policy === "peak_ewma" ? { ...options, policy: peakEwma() } : options;
  } catch (error) {
    if (error instanceof LbError || (error instanceof Error && "code" in error)) {
      throw new InputError(`${place}: ${error.message}`);
    }
    throw error;
  }
}

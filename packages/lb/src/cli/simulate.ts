import { writeFileSync } from "node:fs";
import { Cluster, type ClusterJson } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import { isNode, LineCounter, parseDocument } from "yaml";
import type { ClusterOptions } from "../cluster-options.js";
import { LbError } from "../errors.js";
import { optionsFromXds } from "../from-xds.js";
import { peakEwma } from "../policy/peak-ewma.js";
import { renderSvg, renderTable, type Scenario, simulate } from "../simulate.js";
import { fileProblem, InputError, type Output } from "./output.js";
import { checkScenario, type ScenarioPath } from "./scenario-check.js";

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
  if (command.svg !== undefined) writePicture(command.svg, renderSvg(report));
  return 0;
}

function writePicture(file: string, svg: string): void {
  try {
    writeFileSync(file, svg);
  } catch (error) {
    throw new InputError(`${file}: ${fileProblem(error)}`);
  }
}

/** Reads a scenario file. */
export function readScenario(text: string, file: string): Scenario {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [broken] = document.errors;
  if (broken !== undefined) {
    const { line, col } = lines.linePos(broken.pos[0]);
    // The reader recurses, and reports its own stack overflow as an error of the text.
    const message = /call stack/i.test(broken.message) ? "nested too deep" : broken.message.split("\n")[0];
    throw new InputError(`${file}:${line}:${col}: ${message} (ERR_LB_CONFIG_INVALID)`);
  }
  /** `file:line:column path` of the place, or of the nearest one around it that is there. */
  const place = (path: ScenarioPath): string => {
    let offset = 0;
    for (let length = path.length; length >= 0; length--) {
      const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
      if (!isNode(node) || !node.range) continue;
      offset = node.range[0];
      break;
    }
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col} ${pathText(path)}`.trimEnd();
  };
  const data = plainData(() => document.toJS(), place([]));
  const problems = checkScenario(data);
  if (problems.length > 0) {
    throw new InputError(
      problems.map(({ path, message }) => `${place(path)}: ${message} (ERR_LB_CONFIG_INVALID)`).join("\n"),
    );
  }
  const { candidates, ...scenario } = data as Omit<Scenario, "candidates"> & {
    readonly candidates: readonly CandidateFile[];
  };
  return {
    ...scenario,
    candidates: candidates.map((candidate, index) => ({
      name: candidate.name,
      options: optionsOf(candidate, place(["candidates", index, "cluster"])),
    })),
  };
}

/** The data of a document; aliases that multiply without end, or depth, are refused here. */
function plainData(read: () => unknown, at: string): unknown {
  try {
    return read();
  } catch (error) {
    const message = error instanceof RangeError ? "nested too deep" : (error as Error).message.split("\n")[0];
    throw new InputError(`${at}: ${message} (ERR_LB_CONFIG_INVALID)`);
  }
}

function pathText(path: ScenarioPath): string {
  return path
    .map((each) => (typeof each === "number" ? `[${each}]` : `.${each}`))
    .join("")
    .replace(/^\./, "");
}

function optionsOf(candidate: CandidateFile, place: string): ClusterOptions {
  try {
    const message = Cluster.fromJson({ type: "STATIC", ...candidate.cluster } as ClusterJson);
    const { endpoints: _, ...options } = optionsFromXds(message, undefined);
    return candidate.policy === "peak_ewma" ? { ...options, policy: peakEwma() } : options;
  } catch (error) {
    if (error instanceof LbError) {
      throw new InputError(
        error.issues.map((each) => `${place}.${each.path}: ${each.message} (${each.code})`).join("\n"),
      );
    }
    if (error instanceof Error && "code" in error) throw new InputError(`${place}: ${error.message}`);
    throw error;
  }
}

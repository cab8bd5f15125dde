import { writeFileSync } from "node:fs";
import { XdsTypesError } from "@weftmesh/xds-types";
import { Cluster, type ClusterJson } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import { isNode, LineCounter, parseDocument } from "yaml";
import type { ClusterOptions } from "../cluster-options.js";
import { LbError } from "../errors.js";
import { optionsFromXds } from "../from-xds.js";
import { peakEwma } from "../policy/peak-ewma.js";
import { checkScenario, pathText, type ScenarioPath } from "../simulate/scenario-check.js";
import { renderSvg, renderTable, type Scenario, simulate } from "../simulate.js";
import { fileProblem, InputError, type Output } from "./output.js";

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
  const scenario = readScenario(text, file, command);
  const startedAt = performance.now();
  let told = startedAt;
  const report = simulate(scenario, ({ candidate, arrived }) => {
    const now = performance.now();
    if (now - told < TELL_EVERY_MS) return;
    told = now;
    const percent = Math.floor((100 * arrived) / scenario.requests);
    output.stderr(`${candidate}: ${percent} % of ${scenario.requests} requests, ${seconds(now - startedAt)}\n`);
  });
  output.stdout(command.json ? `${JSON.stringify(report, undefined, 2)}\n` : renderTable(report));
  if (command.svg !== undefined) writePicture(command.svg, renderSvg(report));
  return 0;
}

/** How often a long run says how far it is. */
const TELL_EVERY_MS = 2000;

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}

function writePicture(file: string, svg: string): void {
  try {
    writeFileSync(file, svg);
  } catch (error) {
    throw new InputError(`${file}: ${fileProblem(error)}`);
  }
}

/** Reads a scenario file; `own` takes the place of what it says. */
function readScenario(text: string, file: string, own: Pick<SimulateCommand, "seed" | "requests">): Scenario {
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
  refuse(checkScenario(data, "file").map(({ path, message }) => `${place(path)}: ${message} (ERR_LB_CONFIG_INVALID)`));
  const { candidates, ...scenario } = data as Omit<Scenario, "candidates"> & {
    readonly candidates: readonly CandidateFile[];
  };
  const problems: string[] = [];
  const options = candidates.map((candidate, index) => {
    const read = optionsOf(candidate);
    const at = ["candidates", index, "cluster"];
    for (const { path, message, code } of read.issues) {
      problems.push(`${place([...at, ...pathParts(path)])}: ${message} (${code})`);
    }
    return { name: candidate.name, options: read.options };
  });
  refuse(problems);
  return {
    ...scenario,
    ...(own.seed !== undefined && { seed: own.seed }),
    ...(own.requests !== undefined && { requests: own.requests }),
    candidates: options,
  };
}

function refuse(problems: readonly string[]): void {
  if (problems.length > 0) throw new InputError(problems.join("\n"));
}

/** `a.b[0]` in parts. */
function pathParts(path: string): ScenarioPath {
  return [...path.matchAll(/\[(\d+)\]|([^.[\]]+)/g)].map(([, index, key]) =>
    index === undefined ? (key ?? "") : Number(index),
  );
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

/** Something that is wrong with the cluster of a candidate. */
interface ClusterProblem {
  readonly path: string;
  readonly message: string;
  readonly code: string;
}

/** The options of a candidate, or what is wrong with its cluster. */
function optionsOf({ cluster = {}, policy }: CandidateFile): { options: ClusterOptions; issues: ClusterProblem[] } {
  const hosts = Object.keys(cluster).filter((key) => key === "load_assignment" || key === "loadAssignment");
  const issues: ClusterProblem[] = hosts.map((path) => {
    const message = "must be absent: the hosts are the servers of the scenario";
    return { code: "ERR_LB_CONFIG_INVALID", path, message };
  });
  try {
    const message = Cluster.fromJson({ type: "STATIC", ...cluster } as ClusterJson);
    const { endpoints: _, ...options } = optionsFromXds(message, undefined);
    return { options: policy === "peak_ewma" ? { ...options, policy: peakEwma() } : options, issues };
  } catch (error) {
    if (!(error instanceof LbError || error instanceof XdsTypesError)) throw error;
    return { options: {}, issues: [...issues, ...error.issues] };
  }
}

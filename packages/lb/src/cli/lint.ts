import { type ParsedResources, parseResources, type Resource } from "@weftmesh/xds-types";
import type { Cluster } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import type { ClusterLoadAssignment } from "@weftmesh/xds-types/envoy/config/endpoint/v3";
import type { ClusterOptions } from "../cluster-options.js";
import { LbError } from "../errors.js";
import { discoveryFromXds, optionsFromXds } from "../from-xds.js";
import { type LintFacts, type LintFinding, lint } from "../lint.js";
import { InputError, type Output } from "./output.js";

const CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
const ASSIGNMENT = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";

/** Options of `weft-lb lint`. */
export interface LintCommand {
  readonly json: boolean;
  readonly facts: LintFacts;
}

interface PlacedFinding extends LintFinding {
  readonly cluster: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** `weft-lb lint` */
export async function runLint(text: string, file: string, command: LintCommand, output: Output): Promise<number> {
  const { resources, issues, locate } = parseClusters(text, file);
  const errors = issues.filter((issue) => issue.severity !== "warning");
  for (const issue of errors) {
    const path = issue.path === "" ? "" : ` ${issue.path}`;
    output.stderr(`${issue.file}:${issue.line}:${issue.column}${path}: ${issue.message} (${issue.code})\n`);
  }
  let refused = errors.length > 0;
  const findings: PlacedFinding[] = [];
  const clusters = resources.filter((each) => each.typeUrl === CLUSTER);
  if (clusters.length === 0 && !refused) throw new InputError(`${file}: holds no Cluster`);
  for (const resource of clusters) {
    const place = (path: string) => locate(resource, path);
    try {
      // The type URL says what the message is.
      const options = withoutNames(
        resource,
        optionsFromXds(resource.message as Cluster, assignmentOf(resource, resources)),
      );
      findings.push(
        ...lint(options, command.facts).map((finding) => ({
          ...finding,
          cluster: resource.name,
          ...place(finding.path),
        })),
      );
    } catch (error) {
      if (!(error instanceof LbError)) throw error;
      refused = true;
      for (const issue of error.issues) {
        const { line, column } = place(issue.path);
        output.stderr(`${file}:${line}:${column} ${issue.path}: ${issue.message} (${issue.code})\n`);
      }
    }
  }
  if (command.json) output.stdout(`${JSON.stringify(findings, undefined, 2)}\n`);
  else for (const each of findings) output.stdout(format(each));
  if (refused) return 2;
  return findings.some(({ severity }) => severity === "warning") ? 1 : 0;
}

/** A text that does not say what it is counts as a Cluster. */
function parseClusters(text: string, file: string): ParsedResources {
  const parsed = parseResources(text, { file });
  const isUntold = parsed.resources.length === 0 && parsed.issues.some(({ code }) => code === "ERR_XDS_TYPES_RESOURCE");
  return isUntold ? parseResources(text, { file, type: "envoy.config.cluster.v3.Cluster" }) : parsed;
}

function format(finding: PlacedFinding): string {
  const { file, line, column, path, cluster, message, rule, severity } = finding;
  return `${file}:${line}:${column} ${cluster}: ${path}: ${severity}: ${message} (${rule})\n`;
}

/** Names of a STRICT_DNS cluster are not its hosts: how many addresses they have is not known here. */
function withoutNames(cluster: Resource, options: ClusterOptions): ClusterOptions {
  return discoveryFromXds(cluster.message as Cluster)?.kind === "strict" ? { ...options, endpoints: [] } : options;
}

/** The endpoints that the same text holds for an EDS cluster. */
function assignmentOf(cluster: Resource, resources: readonly Resource[]): ClusterLoadAssignment | undefined {
  const { edsClusterConfig, name } = cluster.message as Cluster;
  if (edsClusterConfig === undefined) return undefined;
  const wanted = edsClusterConfig.serviceName || name;
  const found = resources.find((each) => each.typeUrl === ASSIGNMENT && each.name === wanted);
  return found?.message as ClusterLoadAssignment | undefined;
}

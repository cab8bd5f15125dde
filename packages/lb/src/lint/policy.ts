import type { ClusterOptions } from "../cluster-options.js";
import type { EndpointGroup } from "../host.js";
import type { LocalityMode } from "../locality-options.js";
import { countOf, type LintFacts, type LintFinding, note, warning } from "./finding.js";
import { lintRing, lintTable } from "./tables.js";
import { lintZones } from "./zones.js";

/** The options a policy may have, as far as they are looked at here. */
interface KnownOptions {
  readonly locality?: LocalityMode;
  readonly localityWeighted?: boolean;
  readonly maximumRingSize?: number;
  readonly minimumRingSize?: number;
  readonly tableSize?: number;
  readonly choiceCount?: number;
  readonly selection?: string;
}

/** Consequences of the policy for these hosts. */
export function lintPolicy(options: ClusterOptions, groups: readonly EndpointGroup[], facts: LintFacts): LintFinding[] {
  const known: KnownOptions = options.policy?.options ?? {};
  const weights = groups
    .flatMap((group) => group.hosts)
    .map((host) => (typeof host === "string" ? 1 : (host.weight ?? 1)));
  const findings: LintFinding[] = [];
  if (known.locality?.kind === "locality-weighted") {
    findings.push(...lintLocalities(groups, "hosts are chosen as if there were no localities"));
  }
  if (known.localityWeighted) findings.push(...lintLocalities(groups, "no request finds a host"));
  if (known.locality?.kind === "zone-aware") findings.push(...lintZones(known.locality, groups, facts));
  const name = options.policy?.name;
  if (name === "ring_hash") findings.push(...lintRing(known, weights), ...lintDegraded(groups));
  if (name === "maglev") findings.push(...lintTable(known, weights.length), ...lintDegraded(groups));
  if (name === "random") findings.push(...lintRandom(weights));
  if (name === "least_request") findings.push(...lintChoices(known, weights));
  if (name === "static_stride") findings.push(...lintStride(weights));
  return findings;
}

function lintLocalities(groups: readonly EndpointGroup[], withoutAny: string): LintFinding[] {
  const without = groups.filter((group) => !group.weight).length;
  if (without === 0) return [];
  const message =
    without === groups.length
      ? `none of ${groups.length} localities has a weight: ${withoutAny}`
      : `${without} of ${groups.length} localities have no weight: they never get a request`;
  return [warning("locality-weights-missing", "load_assignment.endpoints", message)];
}

function lintDegraded(groups: readonly EndpointGroup[]): LintFinding[] {
  const degraded = groups
    .flatMap((group) => group.hosts)
    .filter((host) => typeof host !== "string" && host.health === "DEGRADED").length;
  if (degraded === 0) return [];
  const message = `${degraded} degraded: hash tables never hold such hosts, but their capacity draws requests, which then find no host`;
  return [warning("degraded-unused", "load_assignment.endpoints", message)];
}

function lintRandom(weights: readonly number[]): LintFinding[] {
  const { least, most } = rangeOf(weights);
  if (least === most) return [];
  const message = `hosts have weights from ${least} to ${most}: the random policy gives all the same share`;
  return [warning("weights-ignored", "load_assignment.endpoints", message)];
}

/** With equal weights only: otherwise hosts are not drawn. */
function lintChoices({ choiceCount = 2, selection }: KnownOptions, weights: readonly number[]): LintFinding[] {
  const hosts = weights.length;
  const { least, most } = rangeOf(weights);
  if (hosts < 2 || choiceCount < hosts || least !== most) return [];
  if (selection !== undefined && selection !== "with-replacement") return [];
  const missed = 100 * (1 - 1 / hosts) ** choiceCount;
  const message = `${choiceCount} choices of ${countOf(hosts)} may fall on the same one: ${missed.toFixed(1)} % of picks do not see the idlest host; FULL_SCAN does`;
  return [note("choices-repeat", "least_request_lb_config.choice_count", message)];
}

/** How many times the mean the heaviest host may weigh before a pick takes noticeably longer. */
const STRIDE_TRIES = 10;
/** The greatest weight becomes this, the others in proportion, and none less than 1. */
const STRIDE_SCALE = 65_535;

function lintStride(weights: readonly number[]): LintFinding[] {
  const { least, most } = rangeOf(weights);
  const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
  const findings: LintFinding[] = [];
  if (most > STRIDE_TRIES * mean) {
    const message = `the heaviest of ${countOf(weights.length)} has ${(most / mean).toFixed(0)} times the mean weight, and a pick takes about as many tries`;
    findings.push(note("stride-skew", "load_assignment.endpoints", message));
  }
  if (least * STRIDE_SCALE < most / 2) {
    const message = `weights from ${least} to ${most}: below ${(most / STRIDE_SCALE).toFixed(1)} they count as that much`;
    findings.push(note("stride-skew", "load_assignment.endpoints", message));
  }
  return findings;
}

function rangeOf(weights: readonly number[]): { readonly least: number; readonly most: number } {
  let least = Number.POSITIVE_INFINITY;
  let most = 0;
  for (const weight of weights) {
    least = Math.min(least, weight);
    most = Math.max(most, weight);
  }
  return weights.length === 0 ? { least: 0, most: 0 } : { least, most };
}

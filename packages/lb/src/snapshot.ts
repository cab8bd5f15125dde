import type { HealthBoard } from "./health-board.js";
import type { CheckState } from "./health-check.js";
import { HostFlag } from "./host.js";
import type { HostState } from "./host-state.js";
import { isRecord } from "./option-shape.js";
import type { OrcaState } from "./orca.js";
import type { OutlierDetector } from "./outlier-detection.js";
import type { OutlierDetectionOptions } from "./outlier-options.js";
import { createOutlierState, type OutlierState, type SuccessBucket } from "./outlier-state.js";

/** What is kept about one host, as JSON. */
interface HostSnapshot {
  readonly slowStartFrom: number;
  readonly ejected?: boolean;
  readonly outlier?: OutlierState;
  readonly ewma?: { readonly estimate: number; readonly updatedAt: number };
  readonly orca?: OrcaState;
  readonly check?: CheckState;
}

/** What was learnt about hosts, by address. */
export function snapshotHosts(hosts: Iterable<HostState>): Record<string, HostSnapshot> {
  const snapshot: Record<string, HostSnapshot> = {};
  for (const host of hosts) {
    const latency = host.latency();
    snapshot[host.address] = {
      slowStartFrom: host.slowStartFrom,
      ...(host.flags & HostFlag.failedOutlierCheck && { ejected: true }),
      ...(host.outlier && { outlier: structuredClone(host.outlier) }),
      ...(latency && { ewma: latency }),
      ...(host.orca && { orca: { ...host.orca } }),
      ...(host.check && { check: host.check }),
    };
  }
  return snapshot;
}

/** The cluster that takes a snapshot over. */
export interface RestoreTarget {
  readonly now: number;
  readonly detector: OutlierDetector | undefined;
  readonly outlierDetection: OutlierDetectionOptions | undefined;
  readonly health: HealthBoard | undefined;
}

/**
 * Gives hosts back what an earlier cluster had learnt; whatever does not have the expected form, or no meaning in this
 * cluster, is left out. Times that are still to come count as now: they are of another clock, or damaged, and would keep
 * hosts out or estimates as they are for as long.
 */
export function restoreHosts(snapshot: unknown, hosts: Iterable<HostState>, target: RestoreTarget): void {
  if (!isRecord(snapshot)) return;
  const { now, detector, health } = target;
  for (const host of hosts) {
    const entry = Object.hasOwn(snapshot, host.address) ? snapshot[host.address] : undefined;
    if (!isRecord(entry)) continue;
    const { slowStartFrom, ewma, outlier, ejected, orca, check } = entry;
    if (isNumber(slowStartFrom)) host.slowStartFrom = Math.min(slowStartFrom, now);
    const { estimate, updatedAt } = isRecord(ewma) ? ewma : {};
    if (isNumber(estimate) && estimate >= 0 && isNumber(updatedAt)) host.setLatency(estimate, Math.min(updatedAt, now));
    const reported = orcaOf(orca, now);
    if (reported !== undefined) host.orca = reported;
    if (health !== undefined && isCheckState(check)) health.restore(host, check);
    // It was kept for a check that passed, and by the snapshot it does not.
    if (host.retired) continue;
    const state = outlierOf(outlier, target);
    if (state !== undefined) detector?.restore(host, state, ejected === true);
  }
}

function outlierOf(value: unknown, { now, outlierDetection }: RestoreTarget): OutlierState | undefined {
  if (!isRecord(value)) return undefined;
  const fields: Record<string, unknown> = { ...createOutlierState() };
  for (const [key, fallback] of Object.entries(fields)) {
    const given = value[key];
    if (key === "external" || key === "local") fields[key] = bucketOf(given, fallback as SuccessBucket);
    else if (typeof given === typeof fallback && (typeof given !== "number" || Number.isFinite(given)))
      fields[key] = given;
  }
  // Every field was taken over only with the type that the fresh state has.
  const state = fields as unknown as OutlierState;
  state.ejectedAt = Math.min(state.ejectedAt, now);
  state.unejectedAt = Math.min(state.unejectedAt, now);
  state.backoff = Math.max(0, state.backoff);
  state.jitterMs = Math.min(Math.max(0, state.jitterMs), outlierDetection?.maxEjectionTimeJitterMs ?? 0);
  // On a trial that nobody here would end.
  if (outlierDetection?.probation === undefined) state.onProbation = false;
  return state;
}

function bucketOf(value: unknown, fresh: SuccessBucket): SuccessBucket {
  if (!isRecord(value)) return fresh;
  const { total, success, lastTotal, lastSuccess, rate } = value;
  return isNumber(total) && isNumber(success) && isNumber(lastTotal) && isNumber(lastSuccess) && isNumber(rate)
    ? { total, success, lastTotal, lastSuccess, rate }
    : fresh;
}

function orcaOf(value: unknown, now: number): OrcaState | undefined {
  if (!isRecord(value)) return undefined;
  const { weight, nonEmptySince, lastUpdateAt } = value;
  if (!isNumber(weight) || weight < 0 || !isNumber(lastUpdateAt)) return undefined;
  return {
    weight,
    // JSON has no Infinity: null is what became of it.
    nonEmptySince: isNumber(nonEmptySince) ? Math.min(nonEmptySince, now) : Number.POSITIVE_INFINITY,
    lastUpdateAt: Math.min(lastUpdateAt, now),
  };
}

const CHECK_FLAGS = ["failed", "pending", "degraded", "timedOut", "excluded", "first"] as const;

function isCheckState(value: unknown): value is CheckState {
  if (!isRecord(value) || !isCount(value["successes"]) || !isCount(value["failures"])) return false;
  return CHECK_FLAGS.every((flag) => typeof value[flag] === "boolean");
}

function isCount(value: unknown): boolean {
  return isNumber(value) && value >= 0;
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

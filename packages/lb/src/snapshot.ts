import { HostFlag } from "./host.js";
import type { HostState } from "./host-state.js";
import type { OutlierDetector } from "./outlier-detection.js";
import { createOutlierState, type OutlierState, type SuccessBucket } from "./outlier-state.js";

/** What is kept about one host, as JSON. */
interface HostSnapshot {
  readonly slowStartFrom: number;
  readonly ejected?: boolean;
  readonly outlier?: OutlierState;
  readonly ewma?: { readonly estimate: number; readonly updatedAt: number };
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
    };
  }
  return snapshot;
}

/** Gives hosts back what an earlier cluster had learnt; whatever does not have the expected form is left out. */
export function restoreHosts(
  snapshot: unknown,
  hosts: Iterable<HostState>,
  detector: OutlierDetector | undefined,
): void {
  if (!isRecord(snapshot)) return;
  for (const host of hosts) {
    const entry = Object.hasOwn(snapshot, host.address) ? snapshot[host.address] : undefined;
    if (!isRecord(entry)) continue;
    if (isNumber(entry["slowStartFrom"])) host.slowStartFrom = entry["slowStartFrom"];
    const { estimate, updatedAt } = isRecord(entry["ewma"]) ? entry["ewma"] : {};
    if (isNumber(estimate) && estimate >= 0 && isNumber(updatedAt)) host.setLatency(estimate, updatedAt);
    const outlier = outlierOf(entry["outlier"]);
    if (outlier !== undefined) detector?.restore(host, outlier, entry["ejected"] === true);
  }
}

function outlierOf(value: unknown): OutlierState | undefined {
  if (!isRecord(value)) return undefined;
  const state: Record<string, unknown> = { ...createOutlierState() };
  for (const [key, fallback] of Object.entries(state)) {
    const given = value[key];
    if (key === "external" || key === "local") state[key] = bucketOf(given, fallback as SuccessBucket);
    else if (typeof given === typeof fallback && (typeof given !== "number" || Number.isFinite(given)))
      state[key] = given;
  }
  // Every field was taken over only with the type that the fresh state has.
  return state as unknown as OutlierState;
}

function bucketOf(value: unknown, fresh: SuccessBucket): SuccessBucket {
  if (!isRecord(value)) return fresh;
  const { total, success, lastTotal, lastSuccess, rate } = value;
  return isNumber(total) && isNumber(success) && isNumber(lastTotal) && isNumber(lastSuccess) && isNumber(rate)
    ? { total, success, lastTotal, lastSuccess, rate }
    : fresh;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

import type { Random, Scheduler } from "../clock.js";
import type { Cluster } from "../cluster.js";
import { type CheckResult, firstCheckDelay } from "../health-check.js";
import type { Host } from "../host.js";
import { systemScheduler } from "./driver.js";

/**
 * Checks one host once. The signal fires when the time for the check is over; what happens after that is not looked
 * at. A rejection counts as a network failure.
 */
export type HealthChecker = (host: Host, signal: AbortSignal) => Promise<CheckResult>;

/** What {@link runHealthChecks} needs. */
export interface HealthCheckRunOptions {
  /** How to check: {@link httpCheck}, {@link tcpCheck}, {@link grpcCheck} or your own. */
  readonly check: HealthChecker;
  /** Timers. Default: those of this process, which do not keep it alive. */
  readonly scheduler?: Scheduler;
  /** For the jitter of first checks. Default: `Math.random`. */
  readonly random?: Random;
}

/** How often hosts that came are looked for. */
const DISCOVERY_MS = 200;

/**
 * Checks every host of a cluster by its health check timing until disposed. Hosts that come are checked from then on.
 *
 * @throws TypeError if the cluster has no health check timing.
 */
export function runHealthChecks(cluster: Cluster, options: HealthCheckRunOptions): Disposable {
  const timing = cluster.healthCheck;
  if (timing === undefined) throw new TypeError("the cluster has no healthCheck in its options");
  const { check, scheduler = systemScheduler, random = Math.random } = options;
  const sessions = new Map<string, Disposable>();
  let disposed = false;

  const schedule = (host: Host, delayMs: number): void => {
    sessions.set(
      host.address,
      scheduler.after(delayMs, () => void runOnce(host)),
    );
  };

  const runOnce = async (host: Host): Promise<void> => {
    const controller = new AbortController();
    const { promise: timedOut, resolve } = withResolver();
    const timer = scheduler.after(timing.timeoutMs, () => {
      controller.abort();
      resolve("timeout");
    });
    const checked = check(host, controller.signal).catch((): CheckResult => "network");
    const result = await Promise.race([checked, timedOut]);
    timer[Symbol.dispose]();
    if (disposed || cluster.host(host.address) !== host) return;
    const delayMs = cluster.reportHealthCheck(host.address, result);
    if (delayMs !== undefined) schedule(host, delayMs);
  };

  let watching: Disposable | undefined;
  const lookForHosts = (): void => {
    const present = new Set<string>();
    for (const host of cluster.prioritySet.levels.flatMap((level) => level.hosts)) {
      present.add(host.address);
      if (!sessions.has(host.address)) schedule(host, firstCheckDelay(timing, random));
    }
    for (const [address, session] of sessions) {
      if (present.has(address)) continue;
      session[Symbol.dispose]();
      sessions.delete(address);
    }
    watching = scheduler.after(DISCOVERY_MS, lookForHosts);
  };
  lookForHosts();

  return {
    [Symbol.dispose]: () => {
      disposed = true;
      watching?.[Symbol.dispose]();
      for (const session of sessions.values()) session[Symbol.dispose]();
    },
  };
}

/** A promise with its resolver apart; Node 20 has no built-in for it. */
function withResolver(): { readonly promise: Promise<CheckResult>; readonly resolve: (result: CheckResult) => void } {
  let resolve: (result: CheckResult) => void = () => undefined;
  const promise = new Promise<CheckResult>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

import type { Random, Scheduler } from "../clock.js";
import type { Cluster } from "../cluster.js";
import { type CheckResult, firstCheckDelay, type HealthCheckOptions } from "../health-check.js";
import type { Host } from "../host.js";
import { systemScheduler } from "./driver.js";

/**
 * Checks one host once. The signal fires when the time for the check is over or nobody wants its result any more; what
 * happens after that is not looked at. A rejection counts as a network failure.
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

/** How often hosts that came or went are looked for. */
const DISCOVERY_MS = 200;

/**
 * Checks every host of a cluster by its health check timing until disposed. Hosts that come are checked from then on;
 * the check of one that went is broken off.
 *
 * @throws TypeError if the cluster has no health check timing.
 */
export function runHealthChecks(cluster: Cluster, options: HealthCheckRunOptions): Disposable {
  const timing = cluster.healthCheck;
  if (timing === undefined) throw new TypeError("the cluster has no healthCheck in its options");
  const { check, scheduler = systemScheduler, random = Math.random } = options;
  // By host, not by address: one that went and came again is another, and starts anew.
  const sessions = new Map<Host, CheckSession>();
  let seen = -1;
  let watching: Disposable | undefined;
  const lookForHosts = (): void => {
    watching = scheduler.after(DISCOVERY_MS, lookForHosts);
    if (cluster.prioritySet.version === seen) return;
    seen = cluster.prioritySet.version;
    const hosts = cluster.prioritySet.levels.flatMap((level) => level.hosts);
    const present = new Set(hosts.filter((host) => !host.healthCheck?.disabled));
    for (const [host, session] of sessions) {
      if (present.has(host)) continue;
      session[Symbol.dispose]();
      sessions.delete(host);
    }
    for (const host of present) {
      if (sessions.has(host)) continue;
      const session = new CheckSession(host, { cluster, check, scheduler, timing });
      sessions.set(host, session);
      session.schedule(firstCheckDelay(timing, random));
    }
  };
  lookForHosts();

  return {
    [Symbol.dispose]: () => {
      watching?.[Symbol.dispose]();
      for (const session of sessions.values()) session[Symbol.dispose]();
    },
  };
}

interface SessionDeps {
  readonly cluster: Cluster;
  readonly check: HealthChecker;
  readonly scheduler: Scheduler;
  readonly timing: HealthCheckOptions;
}

/** The checks of one host, one after the other. */
class CheckSession implements Disposable {
  private readonly host: Host;
  private readonly deps: SessionDeps;
  private readonly timers = new Set<Disposable>();
  private controller: AbortController | undefined;
  private over = false;

  constructor(host: Host, deps: SessionDeps) {
    this.host = host;
    this.deps = deps;
  }

  schedule(delayMs: number): void {
    this.after(delayMs, () => void this.run());
  }

  [Symbol.dispose](): void {
    this.over = true;
    for (const timer of this.timers) timer[Symbol.dispose]();
    this.controller?.abort();
  }

  private async run(): Promise<void> {
    const { cluster, timing } = this.deps;
    const result = await this.check();
    if (this.over || cluster.host(this.host.address) !== this.host) return;
    // Whatever a handler of events throws here, checks go on.
    let delayMs: number | undefined = timing.intervalMs;
    try {
      delayMs = cluster.reportHealthCheck(this.host.address, result);
    } finally {
      if (delayMs !== undefined && !this.over) this.schedule(delayMs);
    }
  }

  /** One check; a timeout if it has no result in time. */
  private check(): Promise<CheckResult> {
    const { check, timing } = this.deps;
    const controller = new AbortController();
    this.controller = controller;
    return new Promise((resolve) => {
      const timer = this.after(timing.timeoutMs, () => {
        resolve("timeout");
        controller.abort();
      });
      const settle = (result: CheckResult): void => {
        this.timers.delete(timer);
        timer[Symbol.dispose]();
        resolve(result);
      };
      const checked = async (): Promise<CheckResult> => check(this.host, controller.signal);
      checked().then(settle, () => settle("network"));
    });
  }

  private after(delayMs: number, task: () => void): Disposable {
    const timer = this.deps.scheduler.after(delayMs, () => {
      this.timers.delete(timer);
      task();
    });
    this.timers.add(timer);
    return timer;
  }
}

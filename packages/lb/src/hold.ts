import type { CircuitBreaker } from "./circuit-breaker.js";
import type { HostState } from "./host-state.js";
import type { HostPick, Outcome } from "./pick.js";

/** Who is told when a request reports and ends. */
export interface HoldOwner {
  /** @param connected - Whether it reported before that its connection came up. */
  onReport(hold: Hold, outcome: Outcome, connected: boolean): void;
  onDone(host: HostState): void;
}

/** Untyped callers may give no outcome, and nothing throws on the way of a request. */
const UNKNOWN: Outcome = Object.freeze({ result: "aborted" });

/** The one object a pick allocates: the host, and what must be given back. */
export class Hold implements HostPick {
  readonly kind = "host";
  readonly host: HostState;
  private readonly owner: HoldOwner;
  private readonly breaker: CircuitBreaker;
  /** When it was picked, if anybody wants to know. */
  readonly startedAt: number;
  /** Ejections of the host when it was picked: whoever has had another since was picked before it. */
  readonly ejections: number;
  private connected = false;
  private reported = false;
  private held = true;

  constructor(host: HostState, owner: HoldOwner, breaker: CircuitBreaker, startedAt: number) {
    this.host = host;
    this.owner = owner;
    this.breaker = breaker;
    this.startedAt = startedAt;
    this.ejections = host.outlier?.numEjections ?? 0;
  }

  report(given: Outcome): void {
    if (!this.reported && this.held) this.pass(given);
  }

  done(given: Outcome): void {
    if (!this.held) return;
    this.held = false;
    // What is held goes back before anything is reported: an event handler that throws must not leak it.
    this.breaker.release("request");
    this.owner.onDone(this.host);
    if (!this.reported) this.pass(given);
  }

  /** That a connection came up is not the end: what becomes of the request is still to be told. */
  private pass(given: Outcome): void {
    const outcome = given ?? UNKNOWN;
    const { connected } = this;
    if (outcome.result === "connected") {
      this.connected = true;
      if (connected) return;
    } else {
      this.reported = true;
    }
    this.owner.onReport(this, outcome, connected);
  }
}

import type { CircuitBreaker } from "./circuit-breaker.js";
import type { HostState } from "./host-state.js";
import type { HostPick, Outcome } from "./pick.js";

/** Who is told when a request reports and ends. */
export interface HoldOwner {
  /** @param connected - Whether it reported before that its connection came up. */
  onReport(host: HostState, outcome: Outcome, startedAt: number, connected: boolean): void;
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
  private readonly startedAt: number;
  private connected = false;
  private reported = false;
  private held = true;

  constructor(host: HostState, owner: HoldOwner, breaker: CircuitBreaker, startedAt: number) {
    this.host = host;
    this.owner = owner;
    this.breaker = breaker;
    this.startedAt = startedAt;
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
    this.owner.onReport(this.host, outcome, this.startedAt, connected);
  }
}

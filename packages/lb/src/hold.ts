import type { CircuitBreaker } from "./circuit-breaker.js";
import type { HostState } from "./host-state.js";
import type { HostPick, Outcome } from "./pick.js";

/** Who is told when a request reports and ends. */
export interface HoldOwner {
  onReport(host: HostState, outcome: Outcome, startedAt: number): void;
  onDone(host: HostState): void;
}

/** The one object a pick allocates: the host, and what must be given back. */
export class Hold implements HostPick {
  readonly kind = "host";
  readonly host: HostState;
  private readonly owner: HoldOwner;
  private readonly breaker: CircuitBreaker;
  private readonly startedAt: number;
  private reported = false;
  private held = true;

  constructor(host: HostState, owner: HoldOwner, breaker: CircuitBreaker, startedAt: number) {
    this.host = host;
    this.owner = owner;
    this.breaker = breaker;
    this.startedAt = startedAt;
  }

  report(outcome: Outcome): void {
    if (this.reported || !this.held) return;
    this.reported = true;
    this.owner.onReport(this.host, outcome, this.startedAt);
  }

  done(outcome: Outcome): void {
    if (!this.held) return;
    this.held = false;
    // What is held goes back before anything is reported: an event handler that throws must not leak it.
    this.breaker.release("request");
    this.owner.onDone(this.host);
    if (this.reported) return;
    this.reported = true;
    this.owner.onReport(this.host, outcome, this.startedAt);
  }
}

import type { Random } from "../clock.js";
import type { ServerOptions } from "./scenario.js";

/** How a request ended at a server. */
export interface Service {
  /** When the answer is there. */
  readonly endsAt: number;
  /** Whether it is a 503. */
  readonly failed: boolean;
}

/** A server with so many places and a queue in front of them. */
export class Server {
  readonly address: string;
  requests = 0;
  private behaviour: Required<ServerOptions>;
  private readonly freeAt: Float64Array;

  constructor(address: string, options: ServerOptions) {
    this.address = address;
    this.behaviour = {
      serviceMs: options.serviceMs ?? 10,
      distribution: options.distribution ?? "exponential",
      concurrency: options.concurrency ?? 8,
      failureRate: options.failureRate ?? 0,
      failureMs: options.failureMs ?? 1,
    };
    this.freeAt = new Float64Array(this.behaviour.concurrency);
  }

  /** Changes what is given. */
  change(options: Omit<ServerOptions, "concurrency">): void {
    this.behaviour = { ...this.behaviour, ...options };
  }

  /** Puts a request into the queue; a failing one is answered at once, without a place. */
  serve(now: number, random: Random): Service {
    this.requests += 1;
    const { serviceMs, distribution, failureRate, failureMs } = this.behaviour;
    if (failureRate > 0 && random() < failureRate) return { endsAt: now + failureMs, failed: true };
    let place = 0;
    for (let i = 1; i < this.freeAt.length; i++) {
      if ((this.freeAt[i] as number) < (this.freeAt[place] as number)) place = i;
    }
    const start = Math.max(now, this.freeAt[place] as number);
    const takes = distribution === "constant" ? serviceMs : -serviceMs * Math.log(1 - random());
    this.freeAt[place] = start + takes;
    return { endsAt: start + takes, failed: false };
  }
}

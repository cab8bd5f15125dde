/** Counts what was compared. */
import { setTimeout as sleep } from "node:timers/promises";
import type { PeerResult } from "../peer.js";

/** A list of statements about a peer, each of which holds or does not. */
export class Checks {
  #passed = 0;
  #failed = 0;
  readonly #log: (line: string) => void;

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  /** Says whether something holds, with what was seen. */
  hold(statement: string, holds: boolean, seen: unknown = ""): void {
    if (holds) this.#passed++;
    else this.#failed++;
    const detail = seen === "" ? "" : `: ${typeof seen === "string" ? seen : JSON.stringify(seen)}`;
    this.#log(`${holds ? "ok" : "FAIL"} ${statement}${detail.slice(0, 600)}`);
  }

  /** Waits until a condition holds; a statement that fails if it does not within `limitMs`. */
  async until(statement: string, condition: () => boolean | Promise<boolean>, limitMs = 10_000): Promise<boolean> {
    const start = performance.now();
    while (performance.now() - start < limitMs) {
      if (await condition()) {
        this.hold(statement, true, `${Math.round(performance.now() - start)} ms`);
        return true;
      }
      await sleep(10);
    }
    this.hold(statement, false, `not within ${limitMs} ms`);
    return false;
  }

  /** Runs a part; an exception in it is a failure of that part only. */
  async part(name: string, run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      this.hold(name, false, error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
  }

  /** The count. */
  result(): PeerResult {
    return { passed: this.#passed, failed: this.#failed };
  }
}

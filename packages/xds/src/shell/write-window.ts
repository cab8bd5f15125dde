/** How long a write may stand in the window; a receiver slower than that does not hold others up. */
const LEASE_MS = 200;

/**
 * Bounds the bytes that are handed to the transport and not taken by it yet, over all streams: grpc-js copies each
 * message into a frame of its own, so a large push to a thousand clients at once would cost a thousand copies.
 */
export class WriteWindow {
  readonly #maxBytes: number;
  readonly #waiting: Set<() => void> = new Set();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether a write may begin now. */
  get open(): boolean {
    return this.#bytes < this.#maxBytes;
  }

  /** Calls `task` once, as soon as the window may be open again; a task that waits already is not added twice. */
  wait(task: () => void): void {
    this.#waiting.add(task);
  }

  /** Takes room for a write. The returned function gives it back; it is also given back after a while. */
  lease(bytes: number): () => void {
    this.#bytes += bytes;
    let held = true;
    const release = (): void => {
      if (!held) return;
      held = false;
      clearTimeout(timer);
      this.#bytes -= bytes;
      if (!this.open) return;
      const tasks = [...this.#waiting];
      this.#waiting.clear();
      for (const task of tasks) task();
    };
    const timer = setTimeout(release, LEASE_MS);
    timer.unref();
    return release;
  }
}

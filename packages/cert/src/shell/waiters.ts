interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

/** Those who wait for the first value of something; whoever gives up leaves nothing behind. */
export class Waiters<T> {
  readonly #waiting = new Set<Waiter<T>>();

  /** Waits until a value comes, nothing is to come any more, or the signal says to give up. */
  wait(signal?: AbortSignal): Promise<T> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const give = (): void => {
        this.#waiting.delete(waiter);
        reject(signal?.reason);
      };
      const waiter: Waiter<T> = {
        resolve: (value) => {
          signal?.removeEventListener("abort", give);
          resolve(value);
        },
        reject: (reason) => {
          signal?.removeEventListener("abort", give);
          reject(reason);
        },
      };
      signal?.addEventListener("abort", give, { once: true });
      this.#waiting.add(waiter);
    });
  }

  /** Gives everybody the value. */
  resolve(value: T): void {
    for (const waiter of this.#waiting) waiter.resolve(value);
    this.#waiting.clear();
  }

  /** Tells everybody that there will be none. */
  reject(reason: unknown): void {
    for (const waiter of this.#waiting) waiter.reject(reason);
    this.#waiting.clear();
  }
}

/**
 * An async iterable of states: a reader that is slower than the source skips states, and nothing is queued.
 *
 * `take` is asked for the state when the reader is ready and the feed was woken; `undefined` means that there is nothing
 * to tell and the reader waits on.
 */
export class Feed<T> implements AsyncIterableIterator<T> {
  readonly #take: () => T | undefined;
  readonly #release: () => void;
  #waiting: ((result: IteratorResult<T>) => void) | undefined;
  #failed: ((error: unknown) => void) | undefined;
  #begun = false;
  #ended = false;
  /** Called when the reader has finished with what it took. */
  onIdle: () => void = () => {};

  /**
   * @param take - Gives the state to yield.
   * @param release - Called once when the feed ends, whoever ends it.
   */
  constructor(take: () => T | undefined, release: () => void) {
    this.#take = take;
    this.#release = release;
  }

  /** Says that there may be something to take. */
  wake(): void {
    if (this.#waiting === undefined) return;
    try {
      const value = this.#take();
      if (value !== undefined) this.#settle({ done: false, value });
    } catch (error) {
      const failed = this.#failed;
      this.#waiting = undefined;
      this.end();
      failed?.(error);
    }
  }

  /** Ends the iteration; the reader's loop finishes. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#settle({ done: true, value: undefined });
    this.#release();
    this.onIdle();
  }

  /** Whether the reader is at work on what it took last. */
  get busy(): boolean {
    return !this.#ended && this.#begun && this.#waiting === undefined;
  }

  next(): Promise<IteratorResult<T>> {
    this.#begun = true;
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.#waiting = resolve;
      this.#failed = reject;
      this.wake();
      if (this.#waiting !== undefined) this.onIdle();
    });
  }

  return(): Promise<IteratorResult<T>> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #settle(result: IteratorResult<T>): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#failed = undefined;
    waiting?.(result);
  }
}

/** What an owner of feeds of many kinds needs of them. */
export interface Endable {
  /** Ends the iteration; the reader's loop finishes. */
  end(): void;
  /** Whether the reader is at work on what it took last. */
  readonly busy: boolean;
  /** Called when the reader has finished with what it took. */
  onIdle: () => void;
}

/** Ends a feed when the signal aborts. */
export function endOn<T>(feed: Feed<T>, signal: AbortSignal | undefined): Feed<T> {
  if (signal === undefined) return feed;
  if (signal.aborted) feed.end();
  else signal.addEventListener("abort", () => feed.end(), { once: true });
  return feed;
}

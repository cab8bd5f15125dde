/** Events in order of time; those of the same time in the order in which they were added. */
export interface EventQueue<T> {
  /** Adds an event. */
  push(at: number, event: T): void;
  /** Takes out the first event; nothing if there is none. */
  pop(): T | undefined;
  /** When the first event is due; Infinity if there is none. */
  readonly nextAt: number;
}

interface Entry<T> {
  readonly at: number;
  readonly order: number;
  readonly event: T;
}

/** A binary heap. */
export function createEventQueue<T>(): EventQueue<T> {
  const heap: Entry<T>[] = [];
  let added = 0;
  const before = (a: Entry<T>, b: Entry<T>): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
  return {
    get nextAt() {
      return heap[0]?.at ?? Number.POSITIVE_INFINITY;
    },
    push(at, event) {
      const entry = { at, order: added++, event };
      let slot = heap.length;
      heap.push(entry);
      while (slot > 0) {
        const parent = (slot - 1) >> 1;
        const above = heap[parent] as Entry<T>;
        if (!before(entry, above)) break;
        heap[slot] = above;
        slot = parent;
      }
      heap[slot] = entry;
    },
    pop() {
      const first = heap[0];
      const last = heap.pop();
      if (first === undefined || last === undefined) return undefined;
      if (heap.length === 0) return first.event;
      let slot = 0;
      for (;;) {
        let child = 2 * slot + 1;
        if (child >= heap.length) break;
        const right = heap[child + 1];
        if (right !== undefined && before(right, heap[child] as Entry<T>)) child += 1;
        if (!before(heap[child] as Entry<T>, last)) break;
        heap[slot] = heap[child] as Entry<T>;
        slot = child;
      }
      heap[slot] = last;
      return first.event;
    },
  };
}

/**
 * Goes through ascending lists in the order of their numbers and stops at the first one that `test` takes; −1 if it takes none. A number
 * that stands in several lists is tested once.
 */
export function mergeAscending(lists: readonly (readonly number[])[], test: (index: number) => boolean): number {
  const [only] = lists;
  if (only === undefined) return -1;
  if (lists.length === 1) {
    for (const index of only) if (test(index)) return index;
    return -1;
  }
  return lists.length <= 8 ? mergeFew(lists, test) : mergeMany(lists, test);
}

function mergeFew(lists: readonly (readonly number[])[], test: (index: number) => boolean): number {
  const at = new Array<number>(lists.length).fill(0);
  let last = -1;
  for (;;) {
    let least = -1;
    let index = Number.POSITIVE_INFINITY;
    for (let i = 0; i < lists.length; i++) {
      const head = (lists[i] as readonly number[])[at[i] as number];
      if (head !== undefined && head < index) {
        index = head;
        least = i;
      }
    }
    if (least < 0) return -1;
    at[least] = (at[least] as number) + 1;
    if (index !== last && test(index)) return index;
    last = index;
  }
}

/** Many lists come from nested prefixes; a heap of their heads keeps each step logarithmic. */
function mergeMany(lists: readonly (readonly number[])[], test: (index: number) => boolean): number {
  const at = new Array<number>(lists.length).fill(0);
  const head = (i: number): number => (lists[i] as readonly number[])[at[i] as number] ?? Number.POSITIVE_INFINITY;
  const heap = lists.map((_, i) => i).sort((a, b) => head(a) - head(b));
  let last = -1;
  for (;;) {
    const top = heap[0] as number;
    const index = head(top);
    if (index === Number.POSITIVE_INFINITY) return -1;
    if (index !== last && test(index)) return index;
    last = index;
    at[top] = (at[top] as number) + 1;
    sink(heap, head);
  }
}

function sink(heap: number[], head: (i: number) => number): void {
  const moved = heap[0] as number;
  const value = head(moved);
  let place = 0;
  for (;;) {
    let child = 2 * place + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && head(heap[child + 1] as number) < head(heap[child] as number)) child++;
    if (head(heap[child] as number) >= value) break;
    heap[place] = heap[child] as number;
    place = child;
  }
  heap[place] = moved;
}

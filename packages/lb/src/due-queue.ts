/** With so few items a heap alone is quickest. */
const MAX_PLAIN = 256;
/** About how many items a slot of the wheel holds. */
const PER_SLOT = 8;

/**
 * Items in the order of their deadlines, at a cost that hardly grows with their number: a heap holds those of the next
 * moment only, a wheel of time slots all others, each slot a list in no order. When the heap runs empty, the slots that
 * follow fill it.
 */
export class DueQueue {
  /** Deadline of each item; its owner changes that of the first before {@link DueQueue.settleFirst}. */
  private readonly dueOf: Float64Array;
  private readonly winsTie: (a: number, b: number) => boolean;
  private readonly heap: Uint32Array;
  /** Deadlines by slot of the heap; endless behind the last, for children that are not there. */
  private readonly dues: Float64Array;
  private size = 0;
  /** First item of each slot of the wheel and the item after each item; −1 for none. */
  private readonly firsts: Int32Array;
  private readonly nexts: Int32Array;
  /** Slots per unit of time; 0 if everything belongs into the heap. */
  private slotsPerUnit: number;
  /** What is due before this, in slots, is in the heap. */
  private limit = 1;
  /** Slots and items since the last {@link DueQueue.review}. */
  private turns = 0;
  private settled = 0;

  /**
   * @param dueOf - Deadline of each item; only that of the first may change, before {@link DueQueue.settleFirst}.
   * @param rate - Deadlines per unit of time, all items together; the nearer the truth, the quicker.
   * @param winsTie - Whether `a` comes before `b`, which is due at the same time.
   */
  constructor(items: Uint32Array, dueOf: Float64Array, rate: number, winsTie: (a: number, b: number) => boolean) {
    this.dueOf = dueOf;
    this.winsTie = winsTie;
    this.heap = new Uint32Array(items.length);
    this.dues = new Float64Array(items.length + 2).fill(Number.POSITIVE_INFINITY);
    const isPlain = items.length <= MAX_PLAIN;
    this.slotsPerUnit = isPlain ? 0 : rate / PER_SLOT;
    this.firsts = new Int32Array(isPlain ? 1 : 2 ** Math.ceil(Math.log2((2 * items.length) / PER_SLOT))).fill(-1);
    this.nexts = new Int32Array(isPlain ? 0 : dueOf.length);
    this.spread(items);
  }

  /** The item that is due first. */
  get first(): number {
    return this.heap[0] as number;
  }

  /** Whether another item is due at the same time as the first. */
  get isTied(): boolean {
    const { dues } = this;
    return dues[1] === dues[0] || dues[2] === dues[0];
  }

  /** All that are due at the same time as the first, with it, in no order. */
  get tied(): readonly number[] {
    const { heap, dues, size } = this;
    const items: number[] = [];
    for (let slot = 0; slot < size; slot++) if (dues[slot] === dues[0]) items.push(heap[slot] as number);
    return items;
  }

  /** Puts the first item where it belongs by its new deadline, or by what decides its ties. */
  settleFirst(): void {
    const item = this.heap[0] as number;
    const due = this.dueOf[item] as number;
    if (this.isSoon(due)) {
      this.dues[0] = due;
      this.sink();
      return;
    }
    this.size -= 1;
    this.heap[0] = this.heap[this.size] as number;
    this.dues[0] = this.dues[this.size] as number;
    this.dues[this.size] = Number.POSITIVE_INFINITY;
    this.hang(item);
    if (this.size > 1) this.sink();
    this.settled += 1;
    for (; this.size === 0; this.turns++) {
      this.turn();
      if (this.turns >= this.firsts.length) this.review();
    }
  }

  /** After a turn of the wheel: if most slots were empty, since less is due than was said, makes them longer. */
  private review(): void {
    const isSparse = this.turns > 4 * this.settled;
    this.turns = 0;
    this.settled = 0;
    if (!isSparse) return;
    const { firsts, nexts } = this;
    const items: number[] = [];
    for (const first of firsts) for (let item = first; item !== -1; item = nexts[item] as number) items.push(item);
    for (const item of this.heap.subarray(0, this.size)) items.push(item);
    this.size = 0;
    this.dues.fill(Number.POSITIVE_INFINITY);
    this.slotsPerUnit /= PER_SLOT;
    this.spread(Uint32Array.from(items));
  }

  /** Puts all items where they belong, beginning with the slot of the first. */
  private spread(items: Uint32Array): void {
    let first = Number.POSITIVE_INFINITY;
    for (const item of items) first = Math.min(first, this.dueOf[item] as number);
    const limit = Math.floor(first * this.slotsPerUnit) + 1;
    // A wheel can't turn to what is never due.
    if (!Number.isFinite(limit)) this.slotsPerUnit = 0;
    this.limit = Number.isFinite(limit) ? limit : 1;
    this.firsts.fill(-1);
    for (const item of items) this.add(item);
  }

  /** Whether it belongs into the heap; so does what is due at no time that can be told. */
  private isSoon(due: number): boolean {
    return !(due * this.slotsPerUnit >= this.limit);
  }

  /** Goes on to the next slot of the wheel. */
  private turn(): void {
    const { firsts, nexts } = this;
    const slot = this.limit & (firsts.length - 1);
    this.limit += 1;
    let item = firsts[slot] as number;
    firsts[slot] = -1;
    while (item !== -1) {
      const next = nexts[item] as number;
      this.add(item); // What is due a turn of the wheel later comes back to this slot.
      item = next;
    }
  }

  private add(item: number): void {
    const due = this.dueOf[item] as number;
    if (this.isSoon(due)) this.rise(item, due);
    else this.hang(item);
  }

  private hang(item: number): void {
    const { firsts } = this;
    const slot = Math.floor((this.dueOf[item] as number) * this.slotsPerUnit) & (firsts.length - 1);
    this.nexts[item] = firsts[slot] as number;
    firsts[slot] = item;
  }

  private rise(item: number, due: number): void {
    const { heap, dues } = this;
    let slot = this.size++;
    while (slot > 0) {
      const parent = (slot - 1) >> 1;
      const above = dues[parent] as number;
      if (above < due || (above === due && this.winsTie(heap[parent] as number, item))) break;
      heap[slot] = heap[parent] as number;
      dues[slot] = above;
      slot = parent;
    }
    heap[slot] = item;
    dues[slot] = due;
  }

  /** Lets the first item sink to its place. */
  private sink(): void {
    const { heap, dues, size } = this;
    const item = heap[0] as number;
    const due = dues[0] as number;
    let slot = 0;
    for (let child = 1; child < size; child = 2 * slot + 1) {
      const left = dues[child] as number;
      const right = dues[child + 1] as number;
      // Which child is sooner is a toss-up to the processor: as a number it costs no wrong guess.
      if (left !== right) child += Number(right < left) | 0;
      else if (child + 1 < size && this.winsTie(heap[child + 1] as number, heap[child] as number)) child += 1;
      const sooner = dues[child] as number;
      if (due < sooner || (due === sooner && this.winsTie(item, heap[child] as number))) break;
      heap[slot] = heap[child] as number;
      dues[slot] = sooner;
      slot = child;
    }
    heap[slot] = item;
    dues[slot] = due;
  }
}

/** Which rows of a list weigh alike: a class for each different weight, and its members. */
export class WeightClasses {
  /** Weight of each class. */
  readonly weights: number[] = [];
  /** How many members each class has; none if all of them left. */
  readonly sizes: number[] = [];
  /** Classes that have members. */
  live = 0;
  /** Rows of all members, class by class, ascending in each: class `c` has those from `starts[c]` to `starts[c + 1]`. */
  members: Uint32Array<ArrayBuffer> = new Uint32Array(0);
  starts: Uint32Array<ArrayBuffer> = new Uint32Array(1);
  /** Class of each row. */
  private classOf = new Uint32Array(0);
  private length = 0;
  /** Whether `members` and `starts` are true; lists of equal weights never need them. */
  private sorted = false;
  private readonly byWeight = new Map<number, number>();
  private last = -1;

  /** Forgets everything and takes the weights of `length` rows. */
  read(weights: Float64Array, length: number): void {
    this.weights.length = 0;
    this.sizes.length = 0;
    this.live = 0;
    this.last = -1;
    this.byWeight.clear();
    this.sorted = false;
    this.length = length;
    this.reserve(length);
    for (let row = 0; row < length; row++) this.classOf[row] = this.join(weights[row] as number);
  }

  /** A row of this weight comes; those from `row` on move up. */
  insert(row: number, weight: number): void {
    const each = this.join(weight);
    this.reserve(this.length + 1);
    this.classOf.copyWithin(row + 1, row, this.length);
    this.classOf[row] = each;
    if (this.sorted) {
      const { members } = this;
      this.renumber(row, 1);
      const place = this.placeOf(row, each);
      members.copyWithin(place + 1, place, this.length);
      members[place] = row;
      this.shift(each, 1);
    }
    this.length += 1;
  }

  /** A row goes; those behind it move down. */
  remove(row: number): void {
    const each = this.classOf[row] as number;
    if (this.sorted) {
      const place = this.placeOf(row, each);
      this.members.copyWithin(place, place + 1, this.length);
      this.shift(each, -1);
      this.renumber(row, -1);
    }
    this.classOf.copyWithin(row, row + 1, this.length);
    this.length -= 1;
    this.leave(each);
  }

  /** A row has this weight now. */
  change(row: number, weight: number): void {
    const from = this.classOf[row] as number;
    if (this.weights[from] === weight) return;
    const to = this.join(weight);
    this.leave(from);
    this.classOf[row] = to;
    if (!this.sorted) return;
    const { members, starts } = this;
    const old = this.placeOf(row, from);
    const place = this.placeOf(row, to);
    if (old < place) {
      members.copyWithin(old, old + 1, place);
      members[place - 1] = row;
      for (let each = from + 1; each <= to; each++) starts[each] = (starts[each] as number) - 1;
    } else {
      members.copyWithin(place + 1, place, old);
      members[place] = row;
      for (let each = to + 1; each <= from; each++) starts[each] = (starts[each] as number) + 1;
    }
  }

  /** Makes `members` and `starts` true. */
  sort(): void {
    if (this.sorted) return;
    this.sorted = true;
    const { classOf, length, sizes, starts, members } = this;
    for (let each = 0; each < sizes.length; each++)
      starts[each + 1] = (starts[each] as number) + (sizes[each] as number);
    const next = starts.slice(0, sizes.length);
    for (let row = 0; row < length; row++) {
      const each = classOf[row] as number;
      const place = next[each] as number;
      next[each] = place + 1;
      members[place] = row;
    }
  }

  private join(weight: number): number {
    // Neighbours are often alike, and a comparison costs less than a look-up.
    let each = this.weights[this.last] === weight ? this.last : this.byWeight.get(weight);
    if (each === undefined) {
      each = this.weights.length;
      this.weights.push(weight);
      this.sizes.push(0);
      this.byWeight.set(weight, each);
      if (each + 2 > this.starts.length) this.starts = enlarged(this.starts, 2 * each + 2);
      this.starts[each + 1] = this.starts[each] as number;
    }
    this.last = each;
    if (this.sizes[each] === 0) this.live += 1;
    this.sizes[each] = (this.sizes[each] as number) + 1;
    return each;
  }

  private leave(each: number): void {
    this.sizes[each] = (this.sizes[each] as number) - 1;
    if (this.sizes[each] === 0) this.live -= 1;
  }

  /** Where a row stands, or would stand, among the members of a class. */
  placeOf(row: number, each: number): number {
    let low = this.starts[each] as number;
    let high = this.starts[each + 1] as number;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.members[middle] as number) < row) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Moves the numbers of all rows from `row` on; they are at the end of each class. */
  private renumber(row: number, by: number): void {
    const { members, starts, sizes } = this;
    for (let each = 0; each < sizes.length; each++) {
      const start = starts[each] as number;
      for (let place = (starts[each + 1] as number) - 1; place >= start; place--) {
        const member = members[place] as number;
        if (member < row) break;
        members[place] = member + by;
      }
    }
  }

  /** Moves the classes behind `each`. */
  private shift(each: number, by: number): void {
    const { starts, sizes } = this;
    for (let next = each + 1; next <= sizes.length; next++) starts[next] = (starts[next] as number) + by;
  }

  private reserve(length: number): void {
    if (this.classOf.length >= length) return;
    const capacity = length + (length >> 2) + 16;
    this.classOf = enlarged(this.classOf, capacity);
    this.members = enlarged(this.members, capacity);
  }
}

function enlarged(from: Uint32Array, length: number): Uint32Array<ArrayBuffer> {
  const into = new Uint32Array(length);
  into.set(from);
  return into;
}

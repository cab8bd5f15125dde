/** Which of a list's weights are alike: an id for each different weight, and how many have it. */
export class WeightClasses {
  /** Weight of each class. */
  readonly weights: number[] = [];
  /** How many members each class has; none if all of them left. */
  readonly sizes: number[] = [];
  /** Classes that have members. */
  live = 0;
  private readonly byWeight = new Map<number, number>();
  private last = -1;

  /** Counts a member in and returns its class. */
  join(weight: number): number {
    // Neighbours are often alike, and a comparison costs less than a look-up.
    let each = this.weights[this.last] === weight ? this.last : this.byWeight.get(weight);
    if (each === undefined) {
      each = this.weights.length;
      this.weights.push(weight);
      this.sizes.push(0);
      this.byWeight.set(weight, each);
    }
    this.last = each;
    if (this.sizes[each] === 0) this.live += 1;
    this.sizes[each] = (this.sizes[each] as number) + 1;
    return each;
  }

  /** Counts a member out. */
  leave(each: number): void {
    this.sizes[each] = (this.sizes[each] as number) - 1;
    if (this.sizes[each] === 0) this.live -= 1;
  }

  /** Forgets everything. */
  clear(): void {
    this.weights.length = 0;
    this.sizes.length = 0;
    this.live = 0;
    this.last = -1;
    this.byWeight.clear();
  }
}

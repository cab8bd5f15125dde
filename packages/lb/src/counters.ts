/** Statistics by name: what was counted, and what goes up and down. */
export class Counters {
  private readonly values = new Map<string, number>();
  private quiet = false;

  count(name: string): void {
    if (!this.quiet) this.values.set(name, (this.values.get(name) ?? 0) + 1);
  }

  set(name: string, value: number): void {
    this.values.set(name, value);
  }

  all(): Record<string, number> {
    return Object.fromEntries(this.values);
  }

  /** Does something that would happen, and did not: it counts for nothing. */
  quietly<T>(work: () => T): T {
    this.quiet = true;
    try {
      return work();
    } finally {
      this.quiet = false;
    }
  }
}

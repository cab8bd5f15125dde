/** A position that goes round a list and survives changes of its length. */
export interface Rotation {
  /** The next index of a list of `length`, which is at least 1. */
  pick(length: number): number;
  /** Indices further and further ahead of the next pick; each later pick catches up by one. */
  peek(length: number): number;
  /** Forgets what was peeked: to be called when the list changes. */
  forgetPeeks(): void;
  /** Where it stands, for snapshots. */
  position: number;
}

/**
 * Makes a rotation.
 *
 * @param start - A random integer, so that many clients do not march in step.
 */
export function createRotation(start: number): Rotation {
  return new PlainRotation(start);
}

class PlainRotation implements Rotation {
  /** Picks before those that {@link PlainRotation.turned} counts. */
  private start: number;
  /** Picks in whole rounds since the length changed. */
  private turned = 0;
  private ahead = 0;
  /** The length of the last pick's list and its index in it: dividing costs more than all the rest. */
  private length = 0;
  private index = 0;

  constructor(start: number) {
    this.start = start;
  }

  get position(): number {
    return this.length === 0 ? this.start : this.start + this.turned + this.index + 1;
  }

  set position(value: number) {
    this.start = value;
    this.length = 0;
  }

  pick(length: number): number {
    if (this.ahead > 0) this.ahead -= 1;
    const next = this.index + 1;
    if (length !== this.length) this.begin(length);
    else if (next !== length) this.index = next;
    else {
      this.index = 0;
      this.turned += length;
    }
    return this.index;
  }

  peek(length: number): number {
    const index = (this.position + this.ahead) % length;
    this.ahead += 1;
    return index;
  }

  forgetPeeks(): void {
    this.ahead = 0;
  }

  private begin(length: number): void {
    const { position } = this;
    this.length = length;
    this.index = position % length;
    this.start = position - this.index;
    this.turned = 0;
  }
}

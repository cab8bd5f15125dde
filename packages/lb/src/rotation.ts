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
  private start: number;
  /** Picks since `start`. */
  private picks = 0;
  private ahead = 0;
  /** The length of the last pick's list and its index in it: dividing costs more than all the rest. */
  private length = 0;
  private index = 0;

  constructor(start: number) {
    this.start = start;
  }

  get position(): number {
    return this.start + this.picks;
  }

  set position(value: number) {
    this.start = value;
    this.picks = 0;
    this.length = 0;
  }

  pick(length: number): number {
    if (this.ahead > 0) this.ahead -= 1;
    if (length === this.length) this.index = this.index + 1 === length ? 0 : this.index + 1;
    else {
      this.length = length;
      this.index = this.position % length;
    }
    this.picks += 1;
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
}

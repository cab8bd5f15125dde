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
  let ahead = 0;
  return {
    position: start,
    pick(length) {
      if (ahead > 0) ahead -= 1;
      const index = this.position % length;
      this.position += 1;
      return index;
    },
    peek(length) {
      const index = (this.position + ahead) % length;
      ahead += 1;
      return index;
    },
    forgetPeeks() {
      ahead = 0;
    },
  };
}

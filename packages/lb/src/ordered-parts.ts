/**
 * Looks for parts in data that comes in pieces, each after the end of the one before it. Keeps no more than a part's
 * length of what it has seen, however much comes.
 */
export class OrderedParts {
  private readonly parts: readonly Uint8Array[];
  private found = 0;
  private rest = new Uint8Array(0);

  constructor(parts: readonly Uint8Array[]) {
    this.parts = parts;
  }

  /** Whether all parts have come. */
  get complete(): boolean {
    return this.found === this.parts.length;
  }

  /** Takes the next piece. */
  feed(piece: Uint8Array): void {
    if (this.complete) return;
    const data = new Uint8Array(this.rest.length + piece.length);
    data.set(this.rest);
    data.set(piece, this.rest.length);
    let from = 0;
    for (let part = this.parts[this.found]; part !== undefined; part = this.parts[this.found]) {
      const at = indexOf(data, part, from);
      if (at < 0) {
        // The part may begin in this piece and end in the next.
        this.rest = data.slice(Math.max(from, data.length - part.length + 1));
        return;
      }
      from = at + part.length;
      this.found += 1;
    }
    this.rest = new Uint8Array(0);
  }
}

function indexOf(data: Uint8Array, part: Uint8Array, from: number): number {
  const [first] = part;
  if (first === undefined) return from;
  for (let at = data.indexOf(first, from); at >= 0; at = data.indexOf(first, at + 1)) {
    if (at + part.length > data.length) return -1;
    let length = 1;
    while (length < part.length && data[at + length] === part[length]) length += 1;
    if (length === part.length) return at;
  }
  return -1;
}

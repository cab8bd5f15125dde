import type { Random } from "@weftmesh/router";

/** Chance for generators: the same random numbers give the same text. */
export class Dice {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** A whole number from 0 to below `limit`. */
  int(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  /** True with this probability. */
  maybe(probability: number): boolean {
    return this.#random() < probability;
  }

  /** One of a list. */
  pick<T>(list: readonly T[]): T {
    return list[this.int(list.length)] as T;
  }

  /** Up to `most` made things; often none if `most` is 1. */
  some<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.int(most + 1) }, make);
  }

  /** A field of a message with this probability, else none. */
  field(probability: number, make: () => Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
    return this.maybe(probability) ? make() : {};
  }

  /** A text of up to `most` of the characters. */
  text(characters: string, most: number): string {
    return Array.from({ length: this.int(most + 1) }, () => characters[this.int(characters.length)]).join("");
  }
}

/** Inputs that are nearly right, and what memory they leave behind. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** What is on the heap once everything unused is gone. */
export function heapBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

/** A small generator with a fixed seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Bytes changed in one to three places: replaced, taken out, repeated or cut off. */
export function mutate(bytes: Uint8Array, next: () => number): Uint8Array {
  const made = [...bytes];
  for (let n = 1 + Math.floor(next() * 3); n > 0; n--) {
    const at = Math.floor(next() * made.length);
    const what = next();
    if (what < 0.6) made[at] = Math.floor(next() * 256);
    else if (what < 0.75) made.splice(at, 1 + Math.floor(next() * 8));
    else if (what < 0.9) made.splice(at, 0, ...made.slice(at, at + Math.floor(next() * 16)));
    else made.length = at;
  }
  return Uint8Array.from(made);
}

import { canonicalName } from "../xdstp.js";
import type { WatchInterest } from "./watch-update.js";

/** All that the watches of one type want, together. */
export function union(interests: Iterable<WatchInterest>): WatchInterest {
  let wildcard = false;
  const names = new Set<string>();
  for (const interest of interests) {
    wildcard ||= interest.wildcard;
    for (const name of interest.names) names.add(name);
  }
  return { wildcard, names };
}

/** Reads the names a caller gave; `*` among them means everything. */
export function interestIn(names: Iterable<string>): WatchInterest {
  const named = new Set([...names].map(canonicalName));
  return { wildcard: named.delete("*"), names: named };
}

import { PatternSet } from "../index/pattern-set.js";
import { literalPrefix } from "./literal-prefix.js";
import type { PatternLibrary } from "./patterns.js";
import { RegexCache } from "./regex.js";

/** The package's own RE2. */
export const patterns: PatternLibrary = {
  open: (limit, engine) => new RegexCache(limit, engine),
  literalPrefix,
  combine: (indices, routes) => new PatternSet(indices, routes),
};

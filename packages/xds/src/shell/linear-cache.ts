import { type LinearCache, linearCache } from "../linear-cache.js";
import { digest } from "./digest.js";
import { resourceEncoder } from "./resource-encoder.js";

/** Makes an empty cache of one type that all clients share. */
export function createLinearCache(typeUrl: string): LinearCache {
  return linearCache(typeUrl, { encode: resourceEncoder(), digest });
}

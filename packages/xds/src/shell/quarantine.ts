import type { Cache } from "../cache.js";
import { type QuarantineCache, type QuarantineConfig, quarantineCache } from "../quarantine.js";
import { digest } from "./digest.js";

/**
 * Puts a quarantine in front of a cache: a version that clients refuse is taken back everywhere, and the last good one
 * served in its place. Give the result to `createServer` as `cache`, and its `onEvent` as (part of) `onEvent`.
 */
export function createQuarantine(cache: Cache, config: QuarantineConfig = {}): QuarantineCache {
  return quarantineCache(cache, config, digest);
}

import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { SvidVerdict, VerifiedSvid } from "../peer.js";
import type { BundleSet } from "../trust-bundle.js";
import { verifySvid } from "./verify.js";

/** How many chains are remembered for each set of bundles. */
const MAX_CHAINS = 1000;

const caches = new WeakMap<BundleSet, LRUCache<string, VerifiedSvid>>();

/**
 * As {@link verifySvid}, remembering what was proved: peers come back with the same chain for every connection. Only
 * proofs are kept, by all bytes of the chain and the very set of bundles, and no longer than the proof holds.
 */
export function verifySvidCached(chain: readonly Uint8Array[], bundles: BundleSet, now: number): SvidVerdict {
  let cache = caches.get(bundles);
  if (!cache) {
    cache = new LRUCache({ max: MAX_CHAINS });
    caches.set(bundles, cache);
  }
  const hash = createHash("sha256");
  for (const certificate of chain) hash.update(`${certificate.length}:`).update(certificate);
  const key = hash.digest("base64");
  const known = cache.get(key);
  if (known && now <= known.notAfter && known.chain.every((certificate) => now >= certificate.notBefore)) return known;
  const verdict = verifySvid(chain, bundles, now);
  if (verdict.kind === "verified") cache.set(key, verdict);
  else cache.delete(key);
  return verdict;
}

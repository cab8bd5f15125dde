import type { Certificate } from "../certificate.js";
import type { SvidVerdict } from "../peer.js";
import type { BundleSet } from "../trust-bundle.js";
/** Verifies a chain. `now` in milliseconds since 1970. */
export declare function verifySvid(
  chain: string | readonly (Certificate | Uint8Array)[],
  bundles: BundleSet,
  now: number,
): SvidVerdict;

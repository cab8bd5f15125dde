import { type Explanation, explainChain } from "../explain.js";
import type { SvidVerdict } from "../peer.js";
import type { BundleSet } from "../trust-bundle.js";
import { type ChainInput, verifyChain } from "../x509-svid.js";
import { nodeCrypto } from "./keys.js";

/**
 * Judges an X.509-SVID: its own rules, then a path to an authority of the trust domain that its ID names.
 *
 * @param chain - The leaf first, then issuers in any order: PEM, DER or parsed.
 * @param bundles - Whom to trust, by trust domain; never merged.
 * @param now - Milliseconds since 1970.
 * @returns The path that proves it, or the rule that failed with its code. Bad input is a rejection, not an exception.
 * @see https://github.com/spiffe/spiffe/blob/main/standards/X509-SVID.md#5-validation
 */
export function verifySvid(chain: ChainInput, bundles: BundleSet, now: number): SvidVerdict {
  return verifyChain(chain, bundles, now, nodeCrypto);
}

/**
 * As {@link verifySvid}, and says how the verdict came about: the rule and its section, the clock, the authorities at
 * hand, each issuer that was tried and why it did not fit.
 */
export function explainSvid(chain: ChainInput, bundles: BundleSet, now: number): Explanation {
  return explainChain(chain, bundles, now, nodeCrypto);
}

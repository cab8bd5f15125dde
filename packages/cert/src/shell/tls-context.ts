import { constants } from "node:crypto";
import type { SecureContext, SecureContextOptions } from "node:tls";
import { formatPem } from "../pem.js";
import type { Identity } from "../source.js";
import type { BundleSet } from "../trust-bundle.js";
import { builtin } from "./builtin.js";

/** TLS 1.2 is what Istio's meshes still accept; everything older is broken. */
const MIN_VERSION = "TLSv1.2";

/** What OpenSSL needs to judge a peer, without an identity of our own. */
export function anchorOptions(bundles: BundleSet): SecureContextOptions & { allowPartialTrustChain: boolean } {
  const authorities = [...bundles.values()].flatMap((bundle) => bundle.x509Authorities);
  return {
    // An empty list trusts nobody; leaving it out would trust every public CA.
    ca: authorities.map((certificate) => formatPem("CERTIFICATE", certificate.der)),
    minVersion: MIN_VERSION,
    // A resumed session shows no certificate, so that nothing about the peer could be checked.
    secureOptions: constants.SSL_OP_NO_TICKET,
    allowPartialTrustChain: true,
  };
}

/**
 * What OpenSSL needs of an identity: the first gate. The union of all bundles is only that gate: which domain an
 * authority may speak for is decided by the second.
 */
export function secureContextOptions(identity: Identity): SecureContextOptions & { allowPartialTrustChain: boolean } {
  return {
    ...anchorOptions(identity.bundles),
    key: identity.svid.key.exportPem(),
    cert: identity.svid.chain.map((certificate) => formatPem("CERTIFICATE", certificate.der)).join(""),
  };
}

const contexts = new WeakMap<Identity, SecureContext>();

/** The context of an identity, made once: it costs milliseconds. */
export function secureContextOf(identity: Identity): SecureContext {
  let context = contexts.get(identity);
  if (!context) {
    context = builtin.tls().createSecureContext(secureContextOptions(identity));
    contexts.set(identity, context);
  }
  return context;
}

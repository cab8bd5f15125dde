import type { ConnectionOptions, PeerCertificate, TlsOptions } from "node:tls";
import { CertError } from "../errors.js";
import type { IdMatcher } from "../matcher.js";
import { MAX_CHAIN } from "../path.js";
import type { Identity, IdentitySource } from "../source.js";
import type { BundleSet } from "../trust-bundle.js";
import { systemScheduler } from "./clock.js";
import type { TlsClientOptions } from "./tls-client.js";
import { secureContextOptions } from "./tls-context.js";
import { authorizePeer } from "./tls-gate.js";
import type { TlsServerOptions } from "./tls-server.js";
import { verifySvidCached } from "./verified-cache.js";

/** Options for node:tls as they are at this moment, for programs that call it themselves. */
export interface TlsOptionSet {
  /**
   * For `tls.createServer` and `server.setSecureContext`: the first gate only. Node cannot hold a connection back while
   * more is checked, so a server made of these must judge its peers itself; `tlsServer` does.
   */
  server(options?: Pick<TlsServerOptions, "alpnProtocols" | "clientCertificate">): TlsOptions;
  /** For `tls.connect`: both gates, as long as no session is given to it. */
  client(options: TlsClientOptions): ConnectionOptions;
}

/** The certificates that Node shows to `checkServerIdentity`, leaf first. */
function chainOf(certificate: PeerCertificate): readonly Uint8Array[] {
  const chain: Uint8Array[] = [];
  let current: (PeerCertificate & { issuerCertificate?: PeerCertificate }) | undefined = certificate;
  while (current?.raw && chain.length <= MAX_CHAIN) {
    chain.push(new Uint8Array(current.raw));
    current = current.issuerCertificate === current ? undefined : current.issuerCertificate;
  }
  return chain;
}

/** Judges what Node shows to `checkServerIdentity`; for clients whose sockets are made elsewhere, as gRPC's are. */
export function bundleCheck(
  bundles: () => BundleSet,
  authorize: IdMatcher,
): (hostname: string, certificate: PeerCertificate) => Error | undefined {
  return (_hostname, certificate) => {
    const verdict = verifySvidCached(chainOf(certificate), bundles(), systemScheduler.now());
    const judged = authorizePeer(verdict, authorize);
    return judged.kind === "rejected" ? judged.error : undefined;
  };
}

/**
 * Options for whoever calls node:tls, https or http2 directly.
 *
 * @throws {@link CertError} `ERR_CERT_NO_IDENTITY` from its functions while the source has no identity.
 */
export function tlsOptions(source: IdentitySource): TlsOptionSet {
  const current = (): Identity => {
    const identity = source.current();
    if (identity) return identity;
    throw new CertError("ERR_CERT_NO_IDENTITY", "source", "there is no certificate yet; wait for source.ready()");
  };
  return {
    server: (options = {}) => ({
      ...secureContextOptions(current()),
      requestCert: true,
      rejectUnauthorized: options.clientCertificate !== "optional",
      ...(options.alpnProtocols ? { ALPNProtocols: [...options.alpnProtocols] } : {}),
    }),
    client: (options) => ({
      ...secureContextOptions(current()),
      rejectUnauthorized: true,
      checkServerIdentity: bundleCheck(() => source.current()?.bundles ?? new Map(), options.authorize),
      ...(options.servername === undefined ? {} : { servername: options.servername }),
      ...(options.alpnProtocols ? { ALPNProtocols: [...options.alpnProtocols] } : {}),
    }),
  };
}

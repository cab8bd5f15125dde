import type { Authenticator } from "../authenticator.js";
import type { Ca } from "../ca.js";
import type { IdentitySource } from "../source.js";
/** How the certificate service runs. */
export interface CaServerOptions {
  /** Who signs. */
  readonly ca: Ca;
  /** Ways to know a caller, tried in order; the first that succeeds wins. */
  readonly authenticators: readonly Authenticator[];
  /** The identity of the service itself; clients may show a certificate. Without one `insecure` must be set. */
  readonly source?: IdentitySource;
  /** Serve without TLS: only for loopback and tests. Default: false. */
  readonly insecure?: boolean;
  /** Where to listen. Default: `127.0.0.1`. */
  readonly host?: string;
  /** The port; 0 picks a free one. Default: 0. */
  readonly port?: number;
}
/** A running certificate service. */
export interface CaServer extends AsyncDisposable {
  /** `host:port` as clients write it. */
  readonly address: string;
  /** Stops: lets calls in flight end. */
  close(): Promise<void>;
}
/** Serves `istio.v1.auth.IstioCertificateService`. */
export declare function caServer(options: CaServerOptions): Promise<CaServer>;

import type { IdMatcher } from "../matcher.js";
import type { Identity, SvidIssuer } from "../source.js";
import type { BundleSet } from "../trust-bundle.js";
/** How a client reaches the certificate service. */
export interface CaClientOptions {
  /** `host:port`. */
  readonly address: string;
  /** The bundles the server is verified with at first; later answers replace that of their trust domain. Without them `insecure` must be set. */
  readonly bundles?: BundleSet;
  /** Who the server may be. Default: any member of a trusted domain. */
  readonly authorize?: IdMatcher;
  /** The bearer token, or how to get the current one. */
  readonly token?: string | (() => string | Promise<string>);
  /** The identity to show as a client certificate, if there is one. */
  readonly identity?: () => Identity | undefined;
  /** Talk without TLS: only for loopback and tests. Default: false. */
  readonly insecure?: boolean;
  /** How long one attempt may take, in milliseconds. Default: 5,000. */
  readonly timeoutMs?: number;
}
/** A client of the certificate service. */
export interface CaClient extends SvidIssuer, Disposable {
  /** Ends the connection. */
  close(): void;
}
/** Makes a client of `istio.v1.auth.IstioCertificateService`; it connects when first used. */
export declare function caClient(options: CaClientOptions): CaClient;

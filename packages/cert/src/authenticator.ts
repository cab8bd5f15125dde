import type { VerifiedSvid } from "./peer.js";
import type { SpiffeId } from "./spiffe-id.js";

/** What a caller of the CA brings along. */
export interface CallerEvidence {
  /** The value of a metadata header, lower-case name; `undefined` if it is absent or stands there twice. */
  header(name: string): string | undefined;
  /** The client certificate, if the connection has one; it is verified. */
  readonly peer: VerifiedSvid | undefined;
  /** The IP address of the connection, without port. */
  readonly remoteAddress: string | undefined;
}
/** Who a caller is. */
export interface AuthenticatedCaller {
  /** The identity that goes into the certificate. */
  readonly id: SpiffeId;
  /** Which authenticator said so. */
  readonly by: string;
}
/** One way to find out who calls. */
export interface Authenticator {
  /** Its name, for logs. */
  readonly name: string;
  /**
   * Says who calls, or `undefined` if this evidence is not for this authenticator or does not hold.
   *
   * A detail that must stay inside goes to `note`, which ends up in the issuance log, never in the answer.
   */
  authenticate(evidence: CallerEvidence, note: (detail: string) => void): Promise<AuthenticatedCaller | undefined>;
}

/** The bearer token of a caller, from `authorization: Bearer …`, or `Istio …` as old agents wrote it. */
export function bearerToken(evidence: CallerEvidence): string | undefined {
  const value = evidence.header("authorization");
  const match = value === undefined ? null : /^(?:Bearer|Istio) ([^\s]+)$/.exec(value);
  return match?.[1];
}

/**
 * Knows a caller by its client certificate: a renewal under the identity it has. Only the SPIFFE ID counts, never the
 * other names of the certificate, so that nobody carries a name over into a new one.
 */
export function clientCertificate(): Authenticator {
  return {
    name: "client-certificate",
    authenticate: async ({ peer }) => (peer ? { id: peer.id, by: "client-certificate" } : undefined),
  };
}

import { type Authenticator, bearerToken } from "./authenticator.js";
import type { WallClock } from "./clock.js";
import { audiences, isJwsAlgorithm, type JwsVerifier, keyFitsAlgorithm, numericDate, parseJws } from "./jwt.js";
import { isStrongKey } from "./jwt-svid.js";
import { SpiffeId, type TrustDomain } from "./spiffe-id.js";
import type { JwtAuthority } from "./trust-bundle.js";

/** Whose tokens are accepted, and for what. */
export interface JwtCallerOptions {
  /** The `iss` claim that tokens must have. */
  readonly issuer: string;
  /** The audience that tokens must name. Default: `istio-ca`. */
  readonly audience?: string;
  /** The issuer's keys now. */
  readonly keys: () => readonly JwtAuthority[] | Promise<readonly JwtAuthority[]>;
  /** The trust domain of the identities. */
  readonly trustDomain: TrustDomain;
  /** The time of day. */
  readonly clock: WallClock;
}

/** `system:serviceaccount:NAMESPACE:NAME`, split into exactly four as istiod does. */
export function serviceAccountId(username: string, trustDomain: TrustDomain): SpiffeId | undefined {
  const [system, kind, namespace, name, ...more] = username.split(":");
  if (system !== "system" || kind !== "serviceaccount" || !namespace || !name || more.length > 0) return undefined;
  const id = `spiffe://${trustDomain}/ns/${namespace}/sa/${name}`;
  return SpiffeId.is(id) ? id : undefined;
}

/**
 * Knows a service account by a token that its issuer signed for this audience: istio's way outside a cluster. Inside
 * one, ask the API server instead ({@link tokenReviewCaller}).
 */
export function jwtCaller(options: JwtCallerOptions, crypto: JwsVerifier): Authenticator {
  const audience = options.audience ?? "istio-ca";
  return {
    name: "jwt",
    async authenticate(evidence, note) {
      const token = bearerToken(evidence);
      if (token === undefined) return undefined;
      const jws = parseJws(token);
      const { alg, kid, crit } = jws.header;
      if (!isJwsAlgorithm(alg) || crit !== undefined) {
        note("the algorithm or a critical parameter is not accepted");
        return undefined;
      }
      const keys = (await options.keys()).filter(
        (key) => (kid === undefined || key.keyId === kid) && keyFitsAlgorithm(key, alg) && isStrongKey(key),
      );
      const now = options.clock.now();
      const expires = numericDate(jws.claims["exp"]);
      const begins = numericDate(jws.claims["nbf"]) ?? 0;
      const flaw = !keys.some((key) => crypto.verifyJws(alg, key, jws.signed, jws.signature))
        ? "the signature does not verify"
        : jws.claims["iss"] !== options.issuer
          ? "of another issuer"
          : !audiences(jws.claims["aud"])?.includes(audience)
            ? "for another audience"
            : expires === undefined || !(now <= expires) || !(begins <= now)
              ? "not valid now"
              : undefined;
      if (flaw !== undefined) {
        note(flaw);
        return undefined;
      }
      const id = serviceAccountId(String(jws.claims["sub"]), options.trustDomain);
      if (!id) note("the subject is no service account");
      return id && { id, by: "jwt" };
    },
  };
}

/** Whom a token is of. */
export interface TokenUser {
  /** The name, for a service account `system:serviceaccount:NAMESPACE:NAME`. */
  readonly username?: string;
  /** The groups it is in. */
  readonly groups?: readonly string[];
}

/** The part of a Kubernetes TokenReview's status that matters here. */
export interface TokenReviewStatus {
  /** Whether the API server knows the token. */
  readonly authenticated?: boolean;
  /** The audiences that it found the token good for. */
  readonly audiences?: readonly string[];
  /** Whom the token is of. */
  readonly user?: TokenUser;
}

/** How service accounts are known by asking the API server. */
export interface TokenReviewOptions {
  /** Sends a TokenReview with this token and audience and gives its status. */
  readonly review: (token: string, audience: string) => Promise<TokenReviewStatus>;
  /** The audience. Default: `istio-ca`. */
  readonly audience?: string;
  /** The trust domain of the identities. */
  readonly trustDomain: TrustDomain;
}

/** Knows a service account by asking the Kubernetes API server about its token, with whatever client there is. */
export function tokenReviewCaller(options: TokenReviewOptions): Authenticator {
  const audience = options.audience ?? "istio-ca";
  return {
    name: "token-review",
    async authenticate(evidence, note) {
      const token = bearerToken(evidence);
      if (token === undefined) return undefined;
      const { authenticated, audiences: found, user } = await options.review(token, audience);
      if (!authenticated || !found?.includes(audience)) {
        note("the API server does not know the token for this audience");
        return undefined;
      }
      if (!user?.groups?.includes("system:serviceaccounts")) {
        note("the user is no service account");
        return undefined;
      }
      const id = serviceAccountId(user.username ?? "", options.trustDomain);
      if (!id) note("the user name is no service account's");
      return id && { id, by: "token-review" };
    },
  };
}

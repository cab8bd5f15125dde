import { SpiffeId, type TrustDomain } from "./spiffe-id.js";

/** Decides whether a peer with this ID is one the caller wants to talk to. It must be quick and must not throw. */
export type IdMatcher = (id: SpiffeId) => boolean;

/** Matches every SPIFFE ID; the peer is then only known to belong to a trusted domain. */
export const matchAny: IdMatcher = () => true;

/** Matches exactly one SPIFFE ID, byte by byte. */
export function matchId(wanted: SpiffeId): IdMatcher {
  return (id) => id === wanted;
}

/** Matches any of several SPIFFE IDs; none if the list is empty. */
export function matchOneOf(wanted: Iterable<SpiffeId>): IdMatcher {
  const ids = new Set(wanted);
  return (id) => ids.has(id);
}

/** Matches every member of a trust domain. */
export function matchMemberOf(trustDomain: TrustDomain): IdMatcher {
  return (id) => SpiffeId.memberOf(id, trustDomain);
}

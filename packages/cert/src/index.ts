/**
 * SPIFFE identity for Node: verification, a CA, rotation and TLS helpers.
 *
 * @packageDocumentation
 */

// For users.
export type { Ca, CaOptions, IssuedSvid, RollStep, RootRoll, SignOptions, WallClock } from "./ca.js";
export type { Certificate, GeneralName, KeyUsage, NameConstraints } from "./certificate.js";
export { CertError, type CertErrorCode } from "./errors.js";
export { type IdMatcher, matchAny, matchId, matchMemberOf, matchOneOf } from "./matcher.js";
export type { RejectedSvid, SvidVerdict, VerifiedSvid } from "./peer.js";
export type { PrivateKey } from "./private-key.js";
export type { KeyAlgorithm, KeyInfo } from "./public-key.js";
export type { RollStatus } from "./root-roll.js";
export { createCa } from "./shell/ca.js";
export { type Csr, type CsrOptions, createCsr } from "./shell/csr.js";
export { generateKey, importKey } from "./shell/keys.js";
export { type RotateOptions, type RotatingSource, type RotationStatus, rotate } from "./shell/rotate.js";
export {
  http2Server,
  httpsAgent,
  httpsServer,
  type PeerRejection,
  peerOf,
  type TlsClientOptions,
  type TlsOptionSet,
  type TlsServerOptions,
  tlsConnect,
  tlsOptions,
  tlsServer,
  type UndiciConnector,
  undiciConnect,
} from "./shell/tls.js";
export { verifySvid } from "./shell/verify.js";
export type { Identity, IdentitySource, IssuedChain, IssueOptions, SvidIssuer, X509Svid } from "./source.js";
export { SpiffeId, type SpiffeIdFunctions, TrustDomain, type TrustDomainFunctions } from "./spiffe-id.js";
export { type BundleSet, bundleSet, type JwtAuthority, type TrustBundle, trustBundle } from "./trust-bundle.js";

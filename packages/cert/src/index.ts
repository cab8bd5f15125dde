/**
 * SPIFFE identity for Node: verification, a CA, rotation and TLS helpers.
 *
 * @packageDocumentation
 */

// For users.
export {
  formatBundle,
  type OnWarning,
  parseBundle,
  parseBundleMap,
  type Supersession,
  supersede,
} from "./bundle-json.js";
export type {
  Ca,
  CaOptions,
  CaSnapshot,
  CaStore,
  IntermediateOptions,
  IssuedSvid,
  RevokedSerial,
  RollStep,
  RootRoll,
  SignOptions,
} from "./ca.js";
export type { CaMaterial } from "./ca-material.js";
export { type Certificate, parseCertificate, parseCertificates } from "./certificate.js";
export type { Random, Scheduler, WallClock } from "./clock.js";
export type { LiveConnection } from "./connections.js";
export { parseCrl, type RevocationList } from "./crl.js";
export { type CertificateRequest, parseCsr } from "./csr.js";
export { CertError, type CertErrorCode } from "./errors.js";
export type { Explanation } from "./explain.js";
export type { Extensions, KeyUsage, NameConstraints } from "./extensions.js";
export type { AddressName, GeneralName, OtherName, TextName } from "./general-name.js";
export type { JsonValue } from "./json.js";
export { type JwksState, parseJwks } from "./jwks.js";
export type { JwtExpectations, RejectedJwt, VerifiedJwt } from "./jwt-svid.js";
export { KEY_AND_CERT_TYPE, type KeyAndCert, type KeyAndCertStore, type RenewalReason } from "./key-and-cert.js";
export {
  type KubernetesMetadata,
  type KubernetesSecret,
  type KubernetesSecrets,
  kubernetesStore,
  memoryStore,
} from "./key-and-cert-store.js";
export { type IdMatcher, matchAny, matchId, matchMemberOf, matchOneOf } from "./matcher.js";
export type { PathAttempt } from "./path.js";
export type { RejectedSvid, SvidVerdict, VerifiedSvid } from "./peer.js";
export { formatPem, type PemBlock, parsePem } from "./pem.js";
export type { PrivateKey } from "./private-key.js";
export type { KeyAlgorithm, KeyInfo } from "./public-key.js";
export type { RollState, RollStatus } from "./root-roll.js";
export type { RotationStatus } from "./rotation.js";
export {
  matchPeers,
  type SanMatcherLike,
  type StringMatcherLike,
  type TlsContextLike,
  type ValidationContextLike,
} from "./san-matcher.js";
export {
  ALL_SECRET,
  type CertificateSecret,
  DEFAULT_SECRET,
  type InlineBytes,
  joinSecrets,
  ROOT_SECRET,
  type SecretCertificate,
  type SecretResource,
  type SecretSource,
  type SecretValidationContext,
  type SpiffeTrustDomain,
  type SpiffeTrustDomains,
  type SpiffeValidator,
  type SpiffeValidatorConfig,
  secretSource,
  type ValidationSecret,
} from "./secret-source.js";
export { createCa, pluggedInCa } from "./shell/ca.js";
export { type Csr, type CsrOptions, createCsr } from "./shell/csr.js";
export {
  bundleEndpoint,
  type FederationOptions,
  type FederationTarget,
  fetchBundle,
  followBundle,
} from "./shell/federation.js";
export { type FileSecrets, type FileSecretsOptions, fileSecrets } from "./shell/file-secrets.js";
export { type FileSource, type FileSourceOptions, fileSource, type IdentityFileNames } from "./shell/file-source.js";
export {
  type FileSetOptions,
  fileCaStore,
  type KeyFileOptions,
  readCaFiles,
  writeFileSet,
  writeIdentityFiles,
} from "./shell/files.js";
export { type JwksOptions, type JwksSource, jwksSource } from "./shell/jwks-source.js";
export { verifyJwtSvid, verifyUserJwt, verifyWitSvid } from "./shell/jws.js";
export { type JwtSigner, type JwtSignerOptions, jwtSigner, type WitSigner, witSigner } from "./shell/jwt-signer.js";
export {
  type KeyAndCertController,
  type KeyAndCertOptions,
  keyAndCertController,
} from "./shell/key-and-cert-controller.js";
export { folderStore } from "./shell/key-and-cert-folder.js";
export { generateKey, importKey } from "./shell/keys.js";
export type { StaleOptions } from "./shell/live-connections.js";
export { type BackoffMs, type RotateOptions, type RotatingSource, rotate } from "./shell/rotate.js";
export { type ReceivedData, type ReceivedSecret, type SdsSource, sdsSource } from "./shell/sds-source.js";
export {
  http2Connect,
  httpsAgent,
  type TlsClientOptions,
  type TlsTarget,
  tlsConnect,
  type UndiciConnector,
  undiciConnect,
} from "./shell/tls-client.js";
export { peerOf } from "./shell/tls-gate.js";
export { speaksTls } from "./shell/tls-inspector.js";
export { type TlsOptionSet, tlsOptions } from "./shell/tls-options.js";
export {
  http2Server,
  httpsServer,
  liveConnections,
  type PeerRejection,
  type TlsServerOptions,
  tlsServer,
} from "./shell/tls-server.js";
export { explainSvid, verifySvid } from "./shell/verify.js";
export type { HashName, SignatureScheme } from "./signature.js";
export {
  type Identity,
  type IdentitySource,
  type IssuedChain,
  type IssueOptions,
  noIdentity,
  type SvidIssuer,
  type X509Svid,
} from "./source.js";
export { type Brand, SpiffeId, type SpiffeIdFunctions, TrustDomain, type TrustDomainFunctions } from "./spiffe-id.js";
export {
  type BundleSet,
  bundleSet,
  type Denial,
  type DeniedId,
  type DeniedKey,
  type DeniedSerial,
  type JwtAuthority,
  type TrustBundle,
  trustBundle,
} from "./trust-bundle.js";
export type { AcceptedUserJwt, ClaimToHeader, RefusedUserJwt, UserJwtProvider } from "./user-jwt.js";
export type { VerifiedWit, WitConfirmation } from "./wit-svid.js";
export type { ChainInput } from "./x509-svid.js";

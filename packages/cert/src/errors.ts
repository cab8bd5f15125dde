/** Stable identifiers for everything this package throws or rejects with; safe to `switch` on. */
export type CertErrorCode =
  /** A SPIFFE ID or trust domain is the empty string. */
  | "ERR_CERT_ID_EMPTY"
  /** A SPIFFE ID does not start with `spiffe://`, in exactly that case. */
  | "ERR_CERT_ID_SCHEME"
  /** The trust domain of a SPIFFE ID is missing. */
  | "ERR_CERT_ID_NO_TRUST_DOMAIN"
  /** A trust domain holds something other than `a-z 0-9 . - _`. */
  | "ERR_CERT_ID_TRUST_DOMAIN_CHAR"
  /** A trust domain is longer than 255 bytes. */
  | "ERR_CERT_ID_TRUST_DOMAIN_LENGTH"
  /** A path segment holds something other than `a-z A-Z 0-9 . - _`. */
  | "ERR_CERT_ID_PATH_CHAR"
  /** A path has an empty segment (`//`). */
  | "ERR_CERT_ID_EMPTY_SEGMENT"
  /** A path has a `.` or `..` segment. */
  | "ERR_CERT_ID_DOT_SEGMENT"
  /** A path ends in `/`. */
  | "ERR_CERT_ID_TRAILING_SLASH"
  /** A path that is to be appended does not start with `/`. */
  | "ERR_CERT_ID_LEADING_SLASH"
  /** A SPIFFE ID is longer than 2048 bytes. */
  | "ERR_CERT_ID_LENGTH"
  /** Bytes are not the DER they should be. */
  | "ERR_CERT_DER"
  /** Text is not the PEM it should be. */
  | "ERR_CERT_PEM"
  /** An extension stands twice in one certificate. */
  | "ERR_CERT_DUPLICATE_EXTENSION"
  /** A certificate is well-formed DER but breaks the X.509 profile. */
  | "ERR_CERT_MALFORMED"
  /** A certificate has a critical extension that is not understood. */
  | "ERR_CERT_CRITICAL_EXTENSION"
  /** There is no certificate in a chain. */
  | "ERR_CERT_CHAIN_EMPTY"
  /** A chain is longer than 16 certificates. */
  | "ERR_CERT_CHAIN_LENGTH"
  /** A leaf has no URI in its subject alternative names. */
  | "ERR_CERT_NO_URI_SAN"
  /** A leaf has more than one URI in its subject alternative names. */
  | "ERR_CERT_MULTIPLE_URI_SAN"
  /** The SPIFFE ID of a leaf has no path. */
  | "ERR_CERT_LEAF_ROOT_ID"
  /** The first certificate of a chain is a CA. */
  | "ERR_CERT_LEAF_IS_CA"
  /** A leaf may sign certificates. */
  | "ERR_CERT_LEAF_KEY_CERT_SIGN"
  /** A leaf may sign revocation lists. */
  | "ERR_CERT_LEAF_CRL_SIGN"
  /** A leaf may not make digital signatures. */
  | "ERR_CERT_LEAF_NO_DIGITAL_SIGNATURE"
  /** A leaf has no key usage. */
  | "ERR_CERT_KEY_USAGE_MISSING"
  /** The key usage of a leaf is not critical. */
  | "ERR_CERT_KEY_USAGE_NOT_CRITICAL"
  /** The extended key usage of a leaf lacks serverAuth or clientAuth. */
  | "ERR_CERT_EXTENDED_KEY_USAGE"
  /** The subject is empty and the subject alternative name is not critical. */
  | "ERR_CERT_SAN_NOT_CRITICAL"
  /** A serial number is zero, negative or longer than 20 octets. */
  | "ERR_CERT_SERIAL"
  /** A key is shorter than what is safe: RSA below 2048 bits. */
  | "ERR_CERT_WEAK_KEY"
  /** A key is of an algorithm or on a curve that is not accepted. */
  | "ERR_CERT_UNSUPPORTED_KEY"
  /** A signature algorithm is not accepted: SHA-1, MD5, or unknown. */
  | "ERR_CERT_WEAK_SIGNATURE"
  /** There is no bundle for the trust domain of the ID. */
  | "ERR_CERT_NO_BUNDLE"
  /** No chain leads from the leaf to an authority of its trust domain. */
  | "ERR_CERT_UNTRUSTED"
  /** A certificate names its issuer but that issuer's key did not sign it. */
  | "ERR_CERT_BAD_SIGNATURE"
  /** The leaf is over. */
  | "ERR_CERT_EXPIRED"
  /** The leaf has not begun. */
  | "ERR_CERT_NOT_YET_VALID"
  /** An issuer in the chain, or the authority itself, is over. */
  | "ERR_CERT_ISSUER_EXPIRED"
  /** An issuer in the chain, or the authority itself, has not begun. */
  | "ERR_CERT_ISSUER_NOT_YET_VALID"
  /** An issuer in the chain is no CA. */
  | "ERR_CERT_ISSUER_NOT_CA"
  /** An issuer in the chain may not sign certificates. */
  | "ERR_CERT_ISSUER_NO_KEY_CERT_SIGN"
  /** The SPIFFE ID of an issuer has a path, or is of another trust domain. */
  | "ERR_CERT_ISSUER_ID"
  /** There are more CAs below an issuer than its path length allows. */
  | "ERR_CERT_PATH_LENGTH"
  /** A name constraint of an issuer does not permit the leaf. */
  | "ERR_CERT_NAME_CONSTRAINT"
  /** A certificate of the chain is revoked. */
  | "ERR_CERT_REVOKED"
  /** The matcher of the caller refuses the peer's SPIFFE ID. */
  | "ERR_CERT_PEER_NOT_AUTHORIZED"
  /** A matcher for names of the peer is not about SPIFFE IDs, or is of a kind that is not supported. */
  | "ERR_CERT_SAN_MATCHER"
  /** A TLS peer resumed a session, so that nothing about it was checked. */
  | "ERR_CERT_SESSION_RESUMED"
  /** OpenSSL turned a TLS peer away for a reason that is not one of ours. */
  | "ERR_CERT_HANDSHAKE"
  /** A TLS peer showed no certificate. */
  | "ERR_CERT_NO_PEER_CERTIFICATE"
  /** The source of identities has none yet, or its last one is over. */
  | "ERR_CERT_NO_IDENTITY"
  /** The private key does not belong to the certificate. */
  | "ERR_CERT_KEY_MISMATCH"
  /** A certificate signing request is not one. */
  | "ERR_CERT_CSR_MALFORMED"
  /** A certificate signing request is larger than 64 KiB. */
  | "ERR_CERT_CSR_TOO_LARGE"
  /** A certificate signing request is not signed by the key it asks for. */
  | "ERR_CERT_CSR_SIGNATURE"
  /** A certificate signing request breaks the policy of the CA. */
  | "ERR_CERT_CSR_POLICY"
  /** A lifetime longer than the CA allows was asked for. */
  | "ERR_CERT_TTL"
  /** The CA has no certificate that can sign now. */
  | "ERR_CERT_CA_NOT_READY"
  /** A step of a root roll was asked for that its state does not allow. */
  | "ERR_CERT_ROLL_STATE"
  /** An issued certificate does not have the profile it should have. */
  | "ERR_CERT_ISSUED_PROFILE"
  /** A caller of the CA could not be authenticated. */
  | "ERR_CERT_UNAUTHENTICATED"
  /** A caller of the CA asks too often. */
  | "ERR_CERT_RATE_LIMITED"
  /** A service answered with an error or with something that is no answer. */
  | "ERR_CERT_SERVICE"
  /** A set of keys cannot be fetched, or what comes is none. */
  | "ERR_CERT_JWKS"
  /** A bundle endpoint cannot be asked, or gives no bundle. */
  | "ERR_CERT_FEDERATION"
  /** The address of a workload endpoint is neither `unix:///path` nor `tcp://IP:port`. */
  | "ERR_CERT_ENDPOINT"
  /** A file cannot be read, is not what it should be, or lies outside the folders that are allowed. */
  | "ERR_CERT_FILE"
  /** A file with a private key may be read by others than its owner. */
  | "ERR_CERT_FILE_MODE"
  /** A JSON text is not JSON, too deep, or too large. */
  | "ERR_CERT_JSON"
  /** A name stands twice in one JSON object. */
  | "ERR_CERT_JSON_DUPLICATE"
  /** A bundle is no JSON object, or has no list of keys. */
  | "ERR_CERT_BUNDLE_FORMAT"
  /** The sequence number of a bundle is no unsigned 64-bit integer. */
  | "ERR_CERT_BUNDLE_SEQUENCE"
  /** The refresh hint of a bundle is no unsigned integer. */
  | "ERR_CERT_BUNDLE_REFRESH_HINT"
  /** A token key of a bundle has no key ID, or two have the same where it must be unique. */
  | "ERR_CERT_BUNDLE_KEY_ID"
  /** A key of a bundle lacks a member or has one that is no key. */
  | "ERR_CERT_BUNDLE_KEY"
  /** The certificate of a bundle entry is none. */
  | "ERR_CERT_BUNDLE_X5C"
  /** The certificate of a bundle entry is for another key than the entry. */
  | "ERR_CERT_BUNDLE_KEY_MISMATCH"
  /** A bundle publishes a private key; it is not read and not passed on. A warning. */
  | "ERR_CERT_BUNDLE_PRIVATE_KEY"
  /** A token is not a compact JWS of three parts with JSON objects, or is too large. */
  | "ERR_CERT_JWT_MALFORMED"
  /** The algorithm of a token is not one of those that JWT-SVIDs may use. */
  | "ERR_CERT_JWT_ALGORITHM"
  /** The type of a token is not one of those that are allowed. */
  | "ERR_CERT_JWT_TYPE"
  /** A token demands header parameters to be understood that are not. */
  | "ERR_CERT_JWT_CRITICAL"
  /** The subject of a token is no SPIFFE ID of a workload. */
  | "ERR_CERT_JWT_SUBJECT"
  /** A token is of another issuer than the one expected. */
  | "ERR_CERT_JWT_ISSUER"
  /** The audience of a token does not name any that is expected, or a WIT-SVID, which has none, names one. */
  | "ERR_CERT_JWT_AUDIENCE"
  /** A WIT-SVID does not say which key its bearer must prove to have. */
  | "ERR_CERT_JWT_CONFIRMATION"
  /** A validator was asked without saying which audiences it expects. */
  | "ERR_CERT_JWT_EXPECTED_AUDIENCE"
  /** A token has no expiry, or it is over. */
  | "ERR_CERT_JWT_EXPIRED"
  /** A token has not begun. */
  | "ERR_CERT_JWT_NOT_BEFORE"
  /** A token says that it was issued in the future. */
  | "ERR_CERT_JWT_ISSUED_AT"
  /** No key of the trust domain has the ID that a token names, or fits it. */
  | "ERR_CERT_JWT_UNKNOWN_KEY"
  /** The key that a token names is of another kind than its algorithm. */
  | "ERR_CERT_JWT_KEY_ALGORITHM"
  /** The signature of a token does not verify. */
  | "ERR_CERT_JWT_SIGNATURE"
  /** An option is outside its range. */
  | "ERR_CERT_OPTION";

/**
 * The only error class this package throws.
 *
 * Branch on {@link CertError.code}, never on the message: messages may change in any release, codes only in a major
 * one. No message, property or cause of it ever holds a private key or a token.
 */
export class CertError extends Error {
  /** Always `CertError`. */
  override readonly name = "CertError";
  /** What is wrong, as one of a closed list. */
  readonly code: CertErrorCode;
  /** Where in the input the problem is, for example `chain[1].basic_constraints`. */
  readonly path: string;
  /** The message without path and code. */
  readonly problem: string;

  /**
   * Makes an error whose message reads `path: problem (CODE)`.
   *
   * @param code - One of the closed list.
   * @param path - Where in the input, in the spelling of the input.
   * @param problem - What is wrong, what was expected, what was found.
   * @param options - The cause, if there is one.
   */
  constructor(code: CertErrorCode, path: string, problem: string, options?: ErrorOptions) {
    super(`${path}: ${problem} (${code})`, options);
    this.code = code;
    this.path = path;
    this.problem = problem;
  }
}

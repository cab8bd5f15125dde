import type { Certificate } from "./certificate.js";
import { formatPem } from "./pem.js";
import type { Identity, IdentitySource } from "./source.js";
import { SpiffeId, TrustDomain } from "./spiffe-id.js";
import type { TrustBundle } from "./trust-bundle.js";

/** Bytes in a secret, as Envoy's `DataSource` holds them. */
export interface InlineBytes {
  /** The bytes; here always PEM. */
  readonly inlineBytes: Uint8Array;
}

/** A trust domain and its bundle, as Envoy's SPIFFE validator takes them. */
export interface SpiffeTrustDomain {
  /** The name of the trust domain. */
  readonly name: string;
  /** Its authorities. */
  readonly trustBundle: InlineBytes;
}

/** The configuration of Envoy's SPIFFE validator, inside an `Any`. */
export interface SpiffeValidatorConfig {
  /** The type of the message. */
  readonly typeUrl: string;
  /** The message. */
  readonly message: SpiffeTrustDomains;
}

/** Trust domains that must not vouch for each other. */
export interface SpiffeTrustDomains {
  /** Each with its bundle. */
  readonly trustDomains: readonly SpiffeTrustDomain[];
}

/** Envoy's SPIFFE validator. */
export interface SpiffeValidator {
  /** The name of the extension. */
  readonly name: "envoy.tls.cert_validator.spiffe";
  /** Its configuration. */
  readonly typedConfig: SpiffeValidatorConfig;
}

/** What to verify peers with, shaped as Envoy's `CertificateValidationContext`. */
export interface SecretValidationContext {
  /** The authorities of one trust domain. */
  readonly trustedCa?: InlineBytes;
  /** The SPIFFE validator, for several trust domains. */
  readonly customValidatorConfig?: SpiffeValidator;
}

/** A certificate with its key: secret. */
export interface SecretCertificate {
  /** The chain in PEM, leaf first. */
  readonly certificateChain: InlineBytes;
  /** The private key in PEM. */
  readonly privateKey: InlineBytes;
}

/** The secret of a workload's own certificate. */
export interface CertificateSecret {
  /** What it is asked for by. */
  readonly name: string;
  /** Certificate and key. */
  readonly tlsCertificate: SecretCertificate;
  /** Not in this kind. */
  readonly validationContext?: never;
}

/** The secret of what to verify peers with. */
export interface ValidationSecret {
  /** What it is asked for by. */
  readonly name: string;
  /** What to verify peers with. */
  readonly validationContext: SecretValidationContext;
  /** Not in this kind. */
  readonly tlsCertificate?: never;
}

/** A secret as SDS carries it: assignable to xds-types' `Secret`. */
export type SecretResource = CertificateSecret | ValidationSecret;

/** Secrets by name, with word of their changes: what an SDS server serves. */
export interface SecretSource {
  /** The secret of that name now; `undefined` if there is none, or none yet. */
  get(name: string): SecretResource | undefined;
  /** Names that a subscription to everything gets. */
  names(): readonly string[];
  /** Grows with each change of any secret. */
  readonly version: number;
  /** Calls `listener` after each change; it must be quick. Disposing ends it. */
  watch(listener: () => void): Disposable;
}

/** Istio's name for the certificate and key of the workload. */
export const DEFAULT_SECRET = "default";
/** Istio's name for the authorities of the workload's own trust domain. */
export const ROOT_SECRET = "ROOTCA";
/** SPIRE's name for the authorities of all trust domains, for the SPIFFE validator. */
export const ALL_SECRET = "ALL";

const VALIDATOR_TYPE = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig";

const encoder = new TextEncoder();
const pem = (certificates: readonly Certificate[]): InlineBytes => ({
  inlineBytes: encoder.encode(certificates.map((certificate) => formatPem("CERTIFICATE", certificate.der)).join("")),
});

function certificateSecret(name: string, { svid }: Identity): SecretResource {
  const privateKey = { inlineBytes: encoder.encode(svid.key.exportPem()) };
  return { name, tlsCertificate: { certificateChain: pem(svid.chain), privateKey } };
}

/** One domain by OpenSSL's rules: authorities are enough, for all of them may vouch for it. */
function bundleSecret(name: string, bundle: TrustBundle): SecretResource {
  return { name, validationContext: { trustedCa: pem(bundle.x509Authorities) } };
}

function allSecret({ bundles }: Identity): SecretResource {
  const trustDomains = [...bundles.values()].map((bundle) => ({
    name: bundle.trustDomain,
    trustBundle: pem(bundle.x509Authorities),
  }));
  const typedConfig = { typeUrl: VALIDATOR_TYPE, message: { trustDomains } };
  return {
    name: ALL_SECRET,
    validationContext: { customValidatorConfig: { name: "envoy.tls.cert_validator.spiffe", typedConfig } },
  };
}

/**
 * Turns an identity into the secrets that Envoy asks for: `default` and the workload's SPIFFE ID for certificate and
 * key, `ROOTCA` for its own trust domain's authorities, `ALL` for those of all domains, and each trust domain's ID for
 * its authorities alone.
 */
export function secretSource(source: IdentitySource): SecretSource {
  return {
    get version() {
      return source.current()?.version ?? 0;
    },
    names() {
      const identity = source.current();
      if (!identity) return [];
      const domains = [...identity.bundles.keys()].map((domain) => TrustDomain.id(domain));
      return [DEFAULT_SECRET, ROOT_SECRET, ALL_SECRET, identity.svid.id, ...domains];
    },
    get(name) {
      const identity = source.current();
      if (!identity) return undefined;
      if (name === DEFAULT_SECRET || name === identity.svid.id) return certificateSecret(name, identity);
      if (name === ALL_SECRET) return allSecret(identity);
      const own = SpiffeId.trustDomain(identity.svid.id);
      const wanted = name === ROOT_SECRET ? own : SpiffeId.is(name) ? SpiffeId.trustDomain(name) : undefined;
      const bundle = wanted === undefined ? undefined : identity.bundles.get(wanted);
      // The ID of another workload names no secret of this one.
      const isDomain = name === ROOT_SECRET || (SpiffeId.is(name) && SpiffeId.path(name) === "");
      return bundle && isDomain ? bundleSecret(name, bundle) : undefined;
    },
    watch: (listener) => source.watch(() => listener()),
  };
}

/** Several sources as one, such as an identity's and that of files; of two secrets of one name the first counts. */
export function joinSecrets(...sources: readonly SecretSource[]): SecretSource {
  return {
    get version() {
      return sources.reduce((sum, source) => sum + source.version, 0);
    },
    names: () => [...new Set(sources.flatMap((source) => source.names()))],
    get(name) {
      for (const source of sources) {
        const secret = source.get(name);
        if (secret) return secret;
      }
      return undefined;
    },
    watch(listener) {
      const watching = sources.map((source) => source.watch(listener));
      return {
        [Symbol.dispose]() {
          for (const one of watching) one[Symbol.dispose]();
        },
      };
    },
  };
}

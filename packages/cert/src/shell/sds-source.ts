import { type Certificate, parseCertificates, sameBytes } from "../certificate.js";
import type { WallClock } from "../clock.js";
import { CertError } from "../errors.js";
import type { IdentitySource } from "../source.js";
import { SpiffeId, TrustDomain } from "../spiffe-id.js";
import { type BundleSet, bundleSet, mergeBundles, type TrustBundle, trustBundle } from "../trust-bundle.js";
import { systemScheduler } from "./clock.js";
import { IdentityCell } from "./identity-cell.js";
import { importKey } from "./keys.js";
import { verifySvid } from "./verify.js";

/** Bytes or text in a secret, as Envoy's `DataSource` holds them. Files are not read. */
export interface ReceivedData {
  /** Bytes. */
  readonly inlineBytes?: Uint8Array;
  /** Text. */
  readonly inlineString?: string;
}

/** As much of Envoy's `Secret` as is read; xds-types' `Secret` is one. */
export interface ReceivedSecret {
  /** A chain with its key. */
  readonly tlsCertificate?: { readonly certificateChain?: ReceivedData; readonly privateKey?: ReceivedData };
  /** What to verify peers with: of one trust domain, or of several for the SPIFFE validator, unpacked. */
  readonly validationContext?: {
    readonly trustedCa?: ReceivedData;
    readonly customValidatorConfig?: { readonly typedConfig?: { readonly message?: unknown } };
  };
}

/** An identity that follows secrets. */
export interface SdsSource extends IdentitySource, Disposable {
  /**
   * Takes all secrets that there are now, as each update of an xDS watch brings them. While certificate or authorities
   * are still missing nothing changes.
   *
   * @throws {@link CertError} for what does not fit together; what was there before goes on being served.
   */
  accept(secrets: Iterable<ReceivedSecret>): void;
}

function textOf(data: ReceivedData | undefined): string {
  return data?.inlineString ?? new TextDecoder().decode(data?.inlineBytes);
}

/** The trust domains of Envoy's SPIFFE validator. */
function validatorBundles(message: unknown): readonly TrustBundle[] {
  const { trustDomains } = (message ?? {}) as {
    readonly trustDomains?: readonly { readonly name?: string; readonly trustBundle?: ReceivedData }[];
  };
  return (trustDomains ?? []).map((domain) =>
    trustBundle(
      TrustDomain.parse(domain.name ?? "", "trust_domains"),
      parseCertificates(textOf(domain.trustBundle), "trust_bundle"),
    ),
  );
}

function ownDomain(leaf: Certificate): TrustDomain {
  const uri = leaf.names.find((name) => name.kind === "uri");
  return SpiffeId.trustDomain(SpiffeId.parse(uri?.kind === "uri" ? uri.value : "", "certificate_chain"));
}

/**
 * Makes an identity of the secrets of a workload, for example those that `client.watch(Secret, ["default", "ROOTCA"])` of
 * `@weftmesh/xds` brings. They are checked as a peer would check them before anything is switched.
 */
export function sdsSource(clock: WallClock = systemScheduler): SdsSource {
  const cell = new IdentityCell();
  let known: BundleSet = new Map();
  return {
    current: () => cell.current(),
    ready: (signal) => cell.ready(signal),
    watch: (listener) => cell.watch(listener),
    accept(secrets) {
      const all = [...secrets];
      const certificate = all.find((secret) => secret.tlsCertificate)?.tlsCertificate;
      const contexts = all.flatMap(({ validationContext }) => (validationContext ? [validationContext] : []));
      if (!certificate || contexts.length === 0) return;
      const chain = parseCertificates(textOf(certificate.certificateChain), "certificate_chain");
      const key = importKey(textOf(certificate.privateKey));
      const [leaf] = chain;
      if (!leaf || !sameBytes(leaf.publicKey.spki, key.publicKey.spki)) {
        throw new CertError("ERR_CERT_KEY_MISMATCH", "private_key", "does not belong to the certificate");
      }
      const received = contexts.flatMap((context) => [
        ...(context.trustedCa
          ? [trustBundle(ownDomain(leaf), parseCertificates(textOf(context.trustedCa), "trusted_ca"))]
          : []),
        ...validatorBundles(context.customValidatorConfig?.typedConfig?.message),
      ]);
      const bundles = mergeBundles(known, bundleSet(...received));
      const verdict = verifySvid(chain, bundles, clock.now());
      if (verdict.kind === "rejected") throw verdict.error;
      known = bundles;
      const now = cell.current();
      const same =
        now?.bundles === bundles && now.svid.chain.every((one, i) => sameBytes(one.der, chain[i]?.der ?? one.tbs));
      if (same) return;
      const { notBefore, notAfter } = leaf;
      cell.set({ id: verdict.id, chain, key, notBefore, notAfter }, bundles);
    },
    [Symbol.dispose]: () => cell[Symbol.dispose](),
  };
}

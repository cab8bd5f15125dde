import { type ChannelCredentials, experimental } from "@grpc/grpc-js";
import type { IdMatcher } from "../matcher.js";
import { formatPem } from "../pem.js";
import type { Identity, IdentitySource } from "../source.js";
import { bundleCheck } from "./tls-options.js";

type CertificateProvider = Parameters<typeof experimental.createCertificateProviderChannelCredentials>[0];
type CaListener = Parameters<CertificateProvider["addCaCertificateListener"]>[0];
type IdentityListener = Parameters<CertificateProvider["addIdentityCertificateListener"]>[0];

function caUpdate(identity: Identity): { caCertificate: Buffer } {
  const authorities = [...identity.bundles.values()].flatMap((bundle) => bundle.x509Authorities);
  const pem = authorities.map((certificate) => formatPem("CERTIFICATE", certificate.der)).join("");
  return { caCertificate: Buffer.from(pem) };
}

function identityUpdate({ svid }: Identity): { certificate: Buffer; privateKey: Buffer } {
  const pem = svid.chain.map((certificate) => formatPem("CERTIFICATE", certificate.der)).join("");
  return { certificate: Buffer.from(pem), privateKey: Buffer.from(svid.key.exportPem()) };
}

/** Hands each change of a source on to gRPC, which uses it for the next connection. */
class SourceProvider implements CertificateProvider {
  readonly #source: IdentitySource;
  readonly #watching = new Map<unknown, Disposable>();

  constructor(source: IdentitySource) {
    this.#source = source;
  }

  addCaCertificateListener(listener: CaListener): void {
    this.#add(listener, (identity) => listener(caUpdate(identity)));
  }

  removeCaCertificateListener(listener: CaListener): void {
    this.#remove(listener);
  }

  addIdentityCertificateListener(listener: IdentityListener): void {
    this.#add(listener, (identity) => listener(identityUpdate(identity)));
  }

  removeIdentityCertificateListener(listener: IdentityListener): void {
    this.#remove(listener);
  }

  #add(listener: unknown, tell: (identity: Identity) => void): void {
    this.#remove(listener);
    this.#watching.set(listener, this.#source.watch(tell));
    const now = this.#source.current();
    if (now) queueMicrotask(() => this.#watching.has(listener) && tell(now));
  }

  #remove(listener: unknown): void {
    this.#watching.get(listener)?.[Symbol.dispose]();
    this.#watching.delete(listener);
  }
}

/**
 * Credentials for a gRPC channel: both gates, and each new connection with the certificate of its moment; streams that
 * are open go on.
 *
 * @param authorize - Who the server may be.
 */
export function grpcChannelCredentials(source: IdentitySource, authorize: IdMatcher): ChannelCredentials {
  // One object for both: grpc-js 1.14 swaps two separate providers on the server side, so that they are never used here.
  const provider = new SourceProvider(source);
  return experimental.createCertificateProviderChannelCredentials(provider, provider, {
    checkServerIdentity: bundleCheck(() => source.current()?.bundles ?? new Map(), authorize),
  });
}

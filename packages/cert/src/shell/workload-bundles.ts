import { parseCertificate } from "../certificate.js";
import { parseCrl, type RevocationList } from "../crl.js";
import { parseJwks } from "../jwks.js";
import { TrustDomain } from "../spiffe-id.js";
import { type BundleSet, bundleSet, type TrustBundle, trustBundle } from "../trust-bundle.js";
import { decodeJwtBundlesResponse, splitDer } from "../workload-api.js";
import { disposedError } from "./identity-cell.js";
import { Waiters } from "./waiters.js";
import type { StreamListener } from "./workload-stream.js";

/** The bundles of a message by which JWT-SVIDs are validated. */
export function jwtBundlesOf(bytes: Uint8Array): BundleSet {
  const bundles = Object.entries(decodeJwtBundlesResponse(bytes)).map(([name, document]) => {
    const domain = TrustDomain.parse(name, "bundles");
    // Sets of keys as RFC 7517 has them: `use` need not be there.
    return { ...trustBundle(domain, []), jwtAuthorities: parseJwks(new TextDecoder().decode(document)) };
  });
  return bundleSet(...bundles);
}

/** One bundle of a message by which X509-SVIDs are verified. */
export function x509BundleOf(name: string, bytes: Uint8Array, crls: readonly RevocationList[]): TrustBundle {
  const authorities = splitDer(bytes, "bundle").map((der) => parseCertificate(der, "bundle"));
  // Every list is put into every bundle: it counts for those certificates only whose issuer signed it.
  return { ...trustBundle(TrustDomain.parse(name, "bundles"), authorities), crls };
}

/** The revocation lists of a message. One that cannot be read is told and left out: it must not cost the identity. */
export function crlsOf(lists: readonly Uint8Array[], failed: (error: unknown) => void): readonly RevocationList[] {
  return lists.flatMap((der) => {
    try {
      return [parseCrl(der)];
    } catch (error) {
      failed(error);
      return [];
    }
  });
}

/** Bundles that are followed from the first time on that somebody asks for them. */
export class FollowedBundles implements Disposable {
  readonly #follow: (listener: StreamListener) => Disposable;
  readonly #read: (bytes: Uint8Array) => BundleSet;
  readonly #failed: (error: unknown) => void;
  readonly #waiters = new Waiters<BundleSet>();
  #stream: Disposable | undefined;
  #bundles: BundleSet | undefined;
  #disposed = false;

  constructor(
    follow: (listener: StreamListener) => Disposable,
    read: (bytes: Uint8Array) => BundleSet,
    failed: (error: unknown) => void,
  ) {
    this.#follow = follow;
    this.#read = read;
    this.#failed = failed;
  }

  /** The bundles that came last, or the first that come. */
  get(signal?: AbortSignal): Promise<BundleSet> {
    if (this.#disposed) return Promise.reject(disposedError());
    this.#stream ??= this.#follow({
      message: (bytes) => {
        this.#bundles = this.#read(bytes);
        this.#waiters.resolve(this.#bundles);
      },
      failed: this.#failed,
      denied: () => {
        this.#bundles = undefined;
      },
    });
    return this.#bundles ? Promise.resolve(this.#bundles) : this.#waiters.wait(signal);
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#stream?.[Symbol.dispose]();
    this.#waiters.reject(disposedError());
  }
}

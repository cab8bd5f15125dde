import { ChannelCredentials, Client, status } from "@grpc/grpc-js";
import { parseCertificate, sameBytes } from "../certificate.js";
import type { Scheduler } from "../clock.js";
import { CertError } from "../errors.js";
import type { IdentitySource, X509Svid } from "../source.js";
import { SpiffeId } from "../spiffe-id.js";
import { type BundleSet, bundleSet, mergeBundles } from "../trust-bundle.js";
import {
  decodeJwtSvidResponse,
  decodeX509BundlesResponse,
  decodeX509SvidResponse,
  encodeJwtSvidRequest,
  parseEndpoint,
  splitDer,
  type WireSvid,
  WORKLOAD_METHODS,
} from "../workload-api.js";
import { systemScheduler } from "./clock.js";
import { disposedError, IdentityCell } from "./identity-cell.js";
import { importKey } from "./keys.js";
import { verifySvid } from "./verify.js";
import { crlsOf, FollowedBundles, jwtBundlesOf, x509BundleOf } from "./workload-bundles.js";
import { followStream, type StreamListener, workloadHeader } from "./workload-stream.js";

/** How the Workload API is followed. */
export interface WorkloadSourceOptions {
  /** The endpoint: `unix:///path` or `tcp://IP:port`, as `SPIFFE_ENDPOINT_SOCKET` holds it. */
  readonly address: string;
  /** Which of several SVIDs to take. Default: the one with no hint asked, that is the first. */
  readonly hint?: string;
  /** Called when a message is thrown away or the stream breaks; what came before goes on being served. */
  readonly onFailure?: (error: unknown) => void;
  /** Time of day and timers. Default: the system's. */
  readonly scheduler?: Scheduler;
}

/** An identity that follows the Workload API. */
export interface WorkloadSource extends IdentitySource, Disposable {
  /**
   * Asks for a token.
   *
   * @throws `CertError` `ERR_CERT_SERVICE` if there is none to be had.
   */
  fetchJwt(audience: readonly string[]): Promise<string>;
  /**
   * Asks for the tokens of all identities of the workload, or of one.
   *
   * @throws `CertError` `ERR_CERT_SERVICE` if there is none to be had.
   */
  fetchJwts(audience: readonly string[], id?: SpiffeId): Promise<readonly FetchedJwt[]>;
  /**
   * The keys that tokens are validated by, followed from the first call on: what `verifyJwtSvid` takes.
   *
   * @throws the reason of `signal` if it is aborted before the first have come.
   */
  jwtBundles(signal?: AbortSignal): Promise<BundleSet>;
  /**
   * What peers are verified with, for whoever has no identity of its own, followed from the first call on: what
   * `verifySvid` takes.
   *
   * @throws the reason of `signal` if it is aborted before the first have come.
   */
  x509Bundles(signal?: AbortSignal): Promise<BundleSet>;
}

/** A token that the Workload API gave. */
export interface FetchedJwt {
  /** Whom it speaks for, as the endpoint says. */
  readonly id: string;
  /** The token: secret. */
  readonly token: string;
  /** What the endpoint calls it by; may be empty. */
  readonly hint: string;
}

const identity = (bytes: Uint8Array): Buffer => Buffer.from(bytes);

function readSvid(wire: WireSvid, bundles: BundleSet, now: number): X509Svid {
  const chain = splitDer(wire.chain, "x509_svid").map((der) => parseCertificate(der, "x509_svid"));
  const key = importKey(wire.key);
  const [leaf] = chain;
  if (!leaf || !sameBytes(leaf.publicKey.spki, key.publicKey.spki)) {
    throw new CertError("ERR_CERT_KEY_MISMATCH", "x509_svid_key", "does not belong to the certificate");
  }
  const verdict = verifySvid(chain, bundles, now);
  if (verdict.kind === "rejected") throw verdict.error;
  if (verdict.id !== wire.spiffeId) {
    throw new CertError("ERR_CERT_SERVICE", "spiffe_id", "is not the one in the certificate");
  }
  return { id: verdict.id, chain, key, notBefore: leaf.notBefore, notAfter: leaf.notAfter };
}

class WorkloadFollower implements WorkloadSource {
  readonly #options: WorkloadSourceOptions;
  readonly #client: Client;
  readonly #cell = new IdentityCell();
  readonly #scheduler: Scheduler;
  #bundles: BundleSet = new Map();
  readonly #stream: Disposable;
  readonly #jwtBundles: FollowedBundles;
  readonly #x509Bundles: FollowedBundles;
  #disposed = false;

  constructor(options: WorkloadSourceOptions) {
    const endpoint = parseEndpoint(options.address);
    const target = endpoint.kind === "unix" ? `unix:${endpoint.path}` : options.address.slice("tcp://".length);
    this.#options = options;
    this.#scheduler = options.scheduler ?? systemScheduler;
    this.#client = new Client(target, ChannelCredentials.createInsecure(), {
      // The endpoint is local: a proxy from the environment must never see it.
      "grpc.enable_http_proxy": 0,
      "grpc.initial_reconnect_backoff_ms": 100,
      "grpc.max_reconnect_backoff_ms": 1000,
    });
    const follow = (method: string) => (listener: StreamListener) =>
      followStream(this.#client, method, this.#scheduler, listener);
    this.#stream = follow(WORKLOAD_METHODS.fetchX509Svid)({
      message: (bytes) => this.#message(bytes),
      failed: this.#failed,
      denied: () => this.#cell.clear(),
    });
    this.#jwtBundles = new FollowedBundles(follow(WORKLOAD_METHODS.fetchJwtBundles), jwtBundlesOf, this.#failed);
    const read = (bytes: Uint8Array): BundleSet => {
      const { crls, bundles } = decodeX509BundlesResponse(bytes);
      const lists = crlsOf(crls, this.#failed);
      return bundleSet(...Object.entries(bundles).map(([name, der]) => x509BundleOf(name, der, lists)));
    };
    this.#x509Bundles = new FollowedBundles(follow(WORKLOAD_METHODS.fetchX509Bundles), read, this.#failed);
  }

  readonly #failed = (error: unknown): void => this.#options.onFailure?.(error);

  current() {
    return this.#cell.current();
  }

  ready(signal?: AbortSignal) {
    return this.#cell.ready(signal);
  }

  watch(listener: Parameters<IdentitySource["watch"]>[0]): Disposable {
    return this.#cell.watch(listener);
  }

  async fetchJwt(audience: readonly string[]): Promise<string> {
    const [first] = await this.fetchJwts(audience);
    if (first) return first.token;
    throw new CertError("ERR_CERT_SERVICE", "fetch_jwt_svid", "there is no token in the answer");
  }

  fetchJwts(audience: readonly string[], id?: SpiffeId): Promise<readonly FetchedJwt[]> {
    if (this.#disposed) return Promise.reject(disposedError());
    const request = encodeJwtSvidRequest({ audience, spiffeId: id ?? "" });
    return new Promise((resolve, reject) => {
      const fail = (problem: string): void => reject(new CertError("ERR_CERT_SERVICE", "fetch_jwt_svid", problem));
      this.#client.makeUnaryRequest(
        WORKLOAD_METHODS.fetchJwtSvid,
        identity,
        (bytes: Buffer) => bytes,
        request,
        workloadHeader(),
        (error, answer) => {
          if (error) return fail(`${status[error.code]}: ${error.details}`);
          try {
            const tokens = answer ? decodeJwtSvidResponse(answer).filter(({ token }) => token !== "") : [];
            resolve(tokens.map(({ spiffeId, token, hint }) => ({ id: spiffeId, token, hint })));
          } catch {
            fail("the answer cannot be read");
          }
        },
      );
    });
  }

  jwtBundles(signal?: AbortSignal): Promise<BundleSet> {
    return this.#jwtBundles.get(signal);
  }

  x509Bundles(signal?: AbortSignal): Promise<BundleSet> {
    return this.#x509Bundles.get(signal);
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#stream[Symbol.dispose]();
    this.#jwtBundles[Symbol.dispose]();
    this.#x509Bundles[Symbol.dispose]();
    this.#client.close();
    this.#cell[Symbol.dispose]();
  }

  /** Every message is the whole state: what it leaves out has been taken back. */
  #message(bytes: Uint8Array): void {
    const { svids, crls, federatedBundles } = decodeX509SvidResponse(bytes);
    const wire = svids.find((svid) => this.#options.hint === undefined || svid.hint === this.#options.hint);
    if (!wire) throw new CertError("ERR_CERT_SERVICE", "svids", "there is none for this workload");
    const lists = crlsOf(crls, this.#failed);
    const own = x509BundleOf(SpiffeId.trustDomain(SpiffeId.parse(wire.spiffeId)), wire.bundle, lists);
    const others = Object.entries(federatedBundles).map(([name, der]) => x509BundleOf(name, der, lists));
    const all = bundleSet(...others, own);
    const merged = mergeBundles(this.#bundles, all);
    const bundles = merged.size === all.size ? merged : all;
    const svid = readSvid(wire, bundles, this.#scheduler.now());
    this.#bundles = bundles;
    this.#cell.set(svid, bundles);
  }
}

/**
 * Takes the identity from a SPIFFE Workload API and follows it: at once after the stream ends, with growing waits while
 * the endpoint is away. The identity that came last is served meanwhile.
 *
 * @throws `CertError` `ERR_CERT_ENDPOINT` for an address that is none.
 */
export function workloadSource(options: WorkloadSourceOptions): WorkloadSource {
  return new WorkloadFollower(options);
}

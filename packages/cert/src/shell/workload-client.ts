import {
  ChannelCredentials,
  Client,
  type ClientReadableStream,
  Metadata,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { parseCertificate, sameBytes } from "../certificate.js";
import type { Scheduler } from "../clock.js";
import { CertError } from "../errors.js";
import type { IdentitySource, X509Svid } from "../source.js";
import { SpiffeId, TrustDomain } from "../spiffe-id.js";
import { type BundleSet, bundleSet, mergeBundles, type TrustBundle, trustBundle } from "../trust-bundle.js";
import {
  decodeJwtSvidResponse,
  decodeX509SvidResponse,
  encodeJwtSvidRequest,
  parseEndpoint,
  splitDer,
  type WireSvid,
  WORKLOAD_HEADER,
  WORKLOAD_METHODS,
} from "../workload-api.js";
import { systemScheduler } from "./clock.js";
import { IdentityCell } from "./identity-cell.js";
import { importKey } from "./keys.js";
import { verifySvid } from "./verify.js";

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
}

const identity = (bytes: Uint8Array): Buffer => Buffer.from(bytes);
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;

function header(): Metadata {
  const metadata = new Metadata();
  metadata.set(WORKLOAD_HEADER, "true");
  return metadata;
}

function parseBundleBytes(name: string, bytes: Uint8Array): TrustBundle {
  const authorities = splitDer(bytes, "bundle").map((der) => parseCertificate(der, "bundle"));
  return trustBundle(TrustDomain.parse(name, "federated_bundles"), authorities);
}

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
  #stream: ClientReadableStream<Buffer> | undefined;
  #timer: Disposable | undefined;
  #failures = 0;
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
    this.#connect();
  }

  current() {
    return this.#cell.current();
  }

  ready(signal?: AbortSignal) {
    return this.#cell.ready(signal);
  }

  watch(listener: Parameters<IdentitySource["watch"]>[0]): Disposable {
    return this.#cell.watch(listener);
  }

  fetchJwt(audience: readonly string[]): Promise<string> {
    const request = encodeJwtSvidRequest({ audience, spiffeId: "" });
    return new Promise((resolve, reject) => {
      const fail = (problem: string): void => reject(new CertError("ERR_CERT_SERVICE", "fetch_jwt_svid", problem));
      this.#client.makeUnaryRequest(
        WORKLOAD_METHODS.fetchJwtSvid,
        identity,
        (bytes: Buffer) => bytes,
        request,
        header(),
        (error, answer) => {
          if (error) return fail(`${status[error.code]}: ${error.details}`);
          const token = answer && decodeJwtSvidResponse(answer);
          return token === undefined ? fail("there is no token in the answer") : resolve(token);
        },
      );
    });
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#timer?.[Symbol.dispose]();
    this.#stream?.cancel();
    this.#client.close();
    this.#cell[Symbol.dispose]();
  }

  #connect(): void {
    const stream = this.#client.makeServerStreamRequest(
      WORKLOAD_METHODS.fetchX509Svid,
      identity,
      (bytes: Buffer) => bytes,
      new Uint8Array(),
      header(),
    );
    this.#stream = stream;
    let ended = false;
    const again = (error: unknown): void => {
      if (ended || this.#disposed) return;
      ended = true;
      this.#broken(error);
    };
    stream.on("data", (bytes: Buffer) => this.#message(new Uint8Array(bytes)));
    stream.on("error", again);
    stream.on("end", () => again(undefined));
  }

  /** Every message is the whole state: what it leaves out has been taken back. */
  #message(bytes: Uint8Array): void {
    this.#failures = 0;
    try {
      const { svids, federatedBundles } = decodeX509SvidResponse(bytes);
      const wire = svids.find((svid) => this.#options.hint === undefined || svid.hint === this.#options.hint);
      if (!wire) throw new CertError("ERR_CERT_SERVICE", "svids", "there is none for this workload");
      const own = parseBundleBytes(SpiffeId.trustDomain(SpiffeId.parse(wire.spiffeId)), wire.bundle);
      const others = Object.entries(federatedBundles).map(([name, der]) => parseBundleBytes(name, der));
      const all = bundleSet(...others, own);
      const merged = mergeBundles(this.#bundles, all);
      const bundles = merged.size === all.size ? merged : all;
      const svid = readSvid(wire, bundles, this.#scheduler.now());
      this.#bundles = bundles;
      this.#cell.set(svid, bundles);
    } catch (error) {
      this.#options.onFailure?.(error);
    }
  }

  #broken(error: unknown): void {
    if (error !== undefined) this.#options.onFailure?.(error);
    const code = (error as Partial<ServiceError> | undefined)?.code;
    // What the server will never answer is not asked again.
    if (code === status.INVALID_ARGUMENT || code === status.UNIMPLEMENTED) return;
    if (code === status.PERMISSION_DENIED) this.#cell.clear();
    const wait =
      error === undefined && this.#failures === 0
        ? 0
        : Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * this.#failures || 100);
    this.#failures++;
    this.#timer = this.#scheduler.after(wait, () => this.#connect());
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

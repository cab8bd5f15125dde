import { isIP } from "node:net";
import { createSecureContext } from "node:tls";
import { ChannelCredentials, Client, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { CertError } from "../errors.js";
import { CREATE_CERTIFICATE, decodeCreateCertificateResponse, encodeCreateCertificateRequest } from "../istio-ca.js";
import { type IdMatcher, matchAny } from "../matcher.js";
import { formatPem } from "../pem.js";
import type { Identity, IssuedChain, IssueOptions, SvidIssuer } from "../source.js";
import { type BundleSet, mergeBundles } from "../trust-bundle.js";
import { systemRandom } from "./clock.js";
import { anchorOptions, secureContextOf } from "./tls-context.js";
import { bundleCheck } from "./tls-options.js";

/** How a client reaches the certificate service. */
export interface CaClientOptions {
  /** `host:port`. */
  readonly address: string;
  /** The bundles the server is verified with at first; later answers replace that of their trust domain. Without them `insecure` must be set. */
  readonly bundles?: BundleSet;
  /** Who the server may be. Default: any member of a trusted domain. */
  readonly authorize?: IdMatcher;
  /** The bearer token, or how to get the current one; white space around it, as files have it, does not count. */
  readonly token?: string | (() => string | Promise<string>);
  /** The identity to show as a client certificate, if there is one. */
  readonly identity?: () => Identity | undefined;
  /** Talk without TLS: only for loopback and tests. Default: false. */
  readonly insecure?: boolean;
  /** How long one attempt may take, in milliseconds. Default: 5,000. */
  readonly timeoutMs?: number;
  /** How often a call is tried. Default: 5, as istio's agent. */
  readonly attempts?: number;
}

/** A client of the certificate service. */
export interface CaClient extends SvidIssuer, Disposable {
  /** Ends the connection. */
  close(): void;
}

/** The failures that istio's agent tries again. */
const RETRIED: ReadonlySet<number> = new Set([
  status.CANCELLED,
  status.DEADLINE_EXCEEDED,
  status.RESOURCE_EXHAUSTED,
  status.ABORTED,
  status.INTERNAL,
  status.UNAVAILABLE,
]);
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 1600;

const toBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes);

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", give);
      resolve();
    }, ms);
    const give = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    if (signal?.aborted) give();
    else signal?.addEventListener("abort", give, { once: true });
  });
}

class GrpcCaClient implements CaClient {
  // The options hold the token: a private field shows up in no log.
  readonly #options: CaClientOptions;
  #bundles: BundleSet;
  #client: Client | undefined;
  #madeFor: readonly [BundleSet, Identity | undefined] | undefined;

  constructor(options: CaClientOptions) {
    if (!options.bundles && !options.insecure) {
      throw new CertError("ERR_CERT_OPTION", "bundles", "needed to verify the server, unless insecure is set");
    }
    this.#options = options;
    this.#bundles = options.bundles ?? new Map();
  }

  async issue(csr: Uint8Array, options: IssueOptions = {}): Promise<IssuedChain> {
    const request = encodeCreateCertificateRequest({
      csr: formatPem("CERTIFICATE REQUEST", csr),
      validitySeconds: Math.ceil((options.ttlMs ?? 0) / 1000),
      metadata: {},
    });
    const attempts = this.#options.attempts ?? 5;
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = decodeCreateCertificateResponse(await this.#call(request, options.signal));
        this.#bundles = mergeBundles(this.#bundles, answer.bundles);
        return answer;
      } catch (error) {
        const code = (error as Partial<ServiceError>).code;
        // A connection that failed may be stuck with a root that has gone: the next attempt makes a new one.
        if (typeof code === "number") this.close();
        if (typeof code !== "number" || !RETRIED.has(code) || attempt >= attempts) throw serviceError(error);
        const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempt - 1));
        await pause(wait * (0.9 + 0.2 * systemRandom()), options.signal);
      }
    }
  }

  close(): void {
    this.#client?.close();
    this.#client = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #call(request: Uint8Array, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const metadata = new Metadata();
    const { token, timeoutMs = 5000 } = this.#options;
    const bearer = (typeof token === "function" ? await token() : token)?.trim();
    // gRPC would repeat the token in its own error.
    if (bearer !== undefined && !/^[!-~]+$/.test(bearer)) {
      throw new CertError("ERR_CERT_OPTION", "token", "it is empty, or holds characters that no header may have");
    }
    if (bearer !== undefined) metadata.set("authorization", `Bearer ${bearer}`);
    const client = this.#connected();
    return new Promise((resolve, reject) => {
      const call = client.makeUnaryRequest(
        CREATE_CERTIFICATE,
        toBuffer,
        (bytes: Buffer) => new Uint8Array(bytes),
        request,
        metadata,
        { deadline: Date.now() + timeoutMs },
        (error, answer) => {
          signal?.removeEventListener("abort", cancel);
          if (signal?.aborted) reject(signal.reason);
          else if (error) reject(error);
          else if (answer) resolve(answer);
          else reject(new CertError("ERR_CERT_SERVICE", "answer", "there is none"));
        },
      );
      const cancel = (): void => call.cancel();
      if (signal?.aborted) cancel();
      signal?.addEventListener("abort", cancel, { once: true });
    });
  }

  #connected(): Client {
    const identity = this.#options.identity?.();
    const [bundles, shown] = this.#madeFor ?? [];
    if (this.#client && bundles === this.#bundles && shown === identity) return this.#client;
    this.close();
    this.#madeFor = [this.#bundles, identity];
    this.#client = new Client(this.#options.address, this.#credentials(identity), this.#channelOptions());
    return this.#client;
  }

  #credentials(identity: Identity | undefined): ChannelCredentials {
    if (this.#options.insecure) return ChannelCredentials.createInsecure();
    const check = bundleCheck(() => this.#bundles, this.#options.authorize ?? matchAny);
    const context = identity
      ? secureContextOf({ ...identity, bundles: this.#bundles })
      : createSecureContext(anchorOptions(this.#bundles));
    return ChannelCredentials.createFromSecureContext(context, { checkServerIdentity: check });
  }

  #channelOptions(): Record<string, string> {
    // RFC 6066 allows no address as a server name, and Node warns of it; the name proves nothing here anyway.
    const host = this.#options.address.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
    return isIP(host) === 0 ? {} : { "grpc.ssl_target_name_override": "localhost" };
  }
}

function serviceError(error: unknown): unknown {
  const { code, details } = error as Partial<ServiceError>;
  if (typeof code !== "number") return error;
  return new CertError("ERR_CERT_SERVICE", "ca", `${status[code] ?? code}: ${details ?? "no details"}`);
}

/**
 * Makes a client of `istio.v1.auth.IstioCertificateService`; it connects when first used, tries again what istio's
 * agent tries again, and learns new roots from the answers.
 *
 * @throws `CertError` `ERR_CERT_OPTION` without bundles and `insecure`.
 */
export function caClient(options: CaClientOptions): CaClient {
  return new GrpcCaClient(options);
}

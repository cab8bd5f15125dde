import { chmodSync, lstatSync, mkdirSync, unlinkSync } from "node:fs";
import { dirname } from "node:path";
import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";
import { formatBundle } from "../bundle-json.js";
import type { Certificate } from "../certificate.js";
import { concatBytes } from "../der/writer.js";
import { CertError } from "../errors.js";
import type { Identity, IdentitySource } from "../source.js";
import { SpiffeId, TrustDomain } from "../spiffe-id.js";
import type { TrustBundle } from "../trust-bundle.js";
import {
  decodeJwtSvidRequest,
  decodeValidateRequest,
  encodeJwtBundlesResponse,
  encodeJwtSvidResponse,
  encodeValidateResponse,
  encodeX509BundlesResponse,
  encodeX509SvidResponse,
  parseEndpoint,
  WORKLOAD_HEADER,
  WORKLOAD_METHODS,
} from "../workload-api.js";
import { systemScheduler } from "./clock.js";
import { verifyJwtSvid } from "./jws.js";
import type { JwtSigner } from "./jwt-signer.js";

/** How the Workload API is served. */
export interface WorkloadServerOptions {
  /** Where: `unix:///path` in a folder of its own, or `tcp://127.0.0.1:port`. One endpoint serves one workload. */
  readonly address: string;
  /** The identity of the workload: whoever can reach the socket has it. */
  readonly source: IdentitySource;
  /** Signs tokens. Default: none, calls for tokens are then UNIMPLEMENTED. */
  readonly jwt?: JwtSigner;
  /** The mode of the socket. Default: 0o600; the folder is made with 0o700. */
  readonly socketMode?: number;
}

/** A running workload endpoint. */
export interface WorkloadServer extends AsyncDisposable {
  /** The address as `SPIFFE_ENDPOINT_SOCKET` wants it. */
  readonly address: string;
  /** Stops at once: the streams never end by themselves. */
  close(): Promise<void>;
}

type Unary = ServerUnaryCall<Buffer, Buffer>;
type Stream = ServerWritableStream<Buffer, Buffer>;

const joined = (certificates: readonly Certificate[]): Uint8Array =>
  concatBytes(...certificates.map((certificate) => certificate.der));

function bundleMap(identity: Identity, without?: TrustDomain): Record<string, Uint8Array> {
  const others = [...identity.bundles.values()].filter((bundle) => bundle.trustDomain !== without);
  return Object.fromEntries(
    others.map((bundle) => [TrustDomain.id(bundle.trustDomain), joined(bundle.x509Authorities)]),
  );
}

const crlsOf = (identity: Identity): readonly Uint8Array[] =>
  [...identity.bundles.values()].flatMap(({ crls = [] }) => crls.map(({ der }) => der));

function x509Response(identity: Identity): Uint8Array {
  const { svid, bundles } = identity;
  const own = SpiffeId.trustDomain(svid.id);
  return encodeX509SvidResponse({
    svids: [
      {
        spiffeId: svid.id,
        chain: joined(svid.chain),
        key: svid.key.exportDer(),
        bundle: joined(bundles.get(own)?.x509Authorities ?? []),
        hint: "",
      },
    ],
    crls: crlsOf(identity),
    federatedBundles: bundleMap(identity, own),
  });
}

class Endpoint {
  readonly #options: WorkloadServerOptions;

  constructor(options: WorkloadServerOptions) {
    this.#options = options;
  }

  /** Sends the whole state at once and at each change, until the caller goes. */
  stream(render: (identity: Identity) => Uint8Array): (call: Stream) => void {
    return (call) => {
      if (!hasHeader(call)) {
        call.emit("error", headerMissing());
        return;
      }
      const { source } = this.#options;
      const gone = new AbortController();
      let last: Buffer | undefined;
      const send = (identity: Identity): void => {
        const message = Buffer.from(render(identity));
        // A new key makes another message; a stream of bundles stays silent then.
        if (last?.equals(message)) return;
        last = message;
        call.write(message);
      };
      const watching = source.watch(send);
      call.on("cancelled", () => {
        gone.abort();
        watching[Symbol.dispose]();
      });
      source.ready(gone.signal).then(send, () => call.end());
    };
  }

  fetchJwt = (call: Unary, done: sendUnaryData<Buffer>): void => {
    const { jwt, source } = this.#options;
    answer(call, done, () => {
      if (!jwt) throw refused(status.UNIMPLEMENTED, "no tokens are issued here");
      const { audience, spiffeId } = decodeJwtSvidRequest(call.request);
      const id = source.current()?.svid.id;
      if (!id || (spiffeId !== "" && spiffeId !== id)) throw refused(status.PERMISSION_DENIED, "no identity issued");
      return encodeJwtSvidResponse(id, jwt.sign(id, audience));
    });
  };

  validateJwt = (call: Unary, done: sendUnaryData<Buffer>): void => {
    answer(call, done, () => {
      const { audience, token } = decodeValidateRequest(call.request);
      const bundles = new Map(this.#jwtBundles().map((bundle) => [bundle.trustDomain, bundle]));
      const expected = { audience: audience === "" ? [] : [audience] };
      const verdict = verifyJwtSvid(token, bundles, expected, systemScheduler.now());
      if (verdict.kind === "rejected") throw verdict.error;
      return encodeValidateResponse(verdict.id, verdict.claims);
    });
  };

  jwtBundles = (): Uint8Array => {
    const encoder = new TextEncoder();
    const documents = this.#jwtBundles().map((bundle) => {
      const tokens = { ...bundle, x509Authorities: [], witAuthorities: [] };
      return [TrustDomain.id(bundle.trustDomain), encoder.encode(formatBundle(tokens))];
    });
    return encodeJwtBundlesResponse(Object.fromEntries(documents));
  };

  #jwtBundles(): readonly TrustBundle[] {
    const identity = this.#options.source.current();
    if (!identity) return [];
    const own = SpiffeId.trustDomain(identity.svid.id);
    const { jwt } = this.#options;
    return [...identity.bundles.values()].map((bundle) =>
      jwt && bundle.trustDomain === own
        ? { ...bundle, jwtAuthorities: [...bundle.jwtAuthorities, jwt.authority] }
        : bundle,
    );
  }
}

interface Refusal {
  readonly code: status;
  readonly details: string;
}

function refused(code: status, details: string): Error & Refusal {
  return Object.assign(new Error(details), { code, details });
}

const headerMissing = (): Error & Refusal => refused(status.INVALID_ARGUMENT, "security header missing from request");

function hasHeader(call: Unary | Stream): boolean {
  const values = call.metadata.get(WORKLOAD_HEADER);
  return values.length === 1 && values[0] === "true";
}

function answer(call: Unary, done: sendUnaryData<Buffer>, make: () => Uint8Array): void {
  try {
    if (!hasHeader(call)) throw headerMissing();
    done(null, Buffer.from(make()));
  } catch (error) {
    if (error instanceof CertError) done({ code: status.INVALID_ARGUMENT, details: error.message });
    else done(error as Error & Refusal);
  }
}

function method(path: string, responseStream: boolean) {
  const identity = (bytes: Buffer): Buffer => bytes;
  return {
    path,
    requestStream: false,
    responseStream,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  };
}

const service = {
  FetchX509SVID: method(WORKLOAD_METHODS.fetchX509Svid, true),
  FetchX509Bundles: method(WORKLOAD_METHODS.fetchX509Bundles, true),
  FetchJWTSVID: method(WORKLOAD_METHODS.fetchJwtSvid, false),
  FetchJWTBundles: method(WORKLOAD_METHODS.fetchJwtBundles, true),
  ValidateJWTSVID: method(WORKLOAD_METHODS.validateJwtSvid, false),
};

/** What the system has room for; a longer path would be cut off without a word. */
const MAX_SOCKET_PATH_BYTES = 107;

/** Makes way for a socket: a folder that nobody else can enter, and no left-over of an earlier process. */
function prepareSocket(path: string): void {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) {
    throw new CertError("ERR_CERT_ENDPOINT", "endpoint", `a socket's path has at most ${MAX_SOCKET_PATH_BYTES} bytes`);
  }
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket()) unlinkSync(path);
}

/**
 * Serves the SPIFFE Workload API to one workload. Node cannot ask the system who is at the other end of a socket, so
 * that who can reach the socket is the attestation: one socket for each workload, in a folder of its own.
 *
 * @throws `CertError` `ERR_CERT_ENDPOINT` for an address that is none or cannot be had, or TCP on anything but loopback.
 * @see https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Workload_API.md
 */
export async function workloadServer(options: WorkloadServerOptions): Promise<WorkloadServer> {
  const endpoint = parseEndpoint(options.address);
  if (endpoint.kind === "tcp" && endpoint.host !== "127.0.0.1" && endpoint.host !== "::1") {
    throw new CertError("ERR_CERT_ENDPOINT", "endpoint", "over TCP only loopback is served");
  }
  const server = new Server();
  const api = new Endpoint(options);
  server.addService(service, {
    FetchX509SVID: api.stream(x509Response),
    FetchX509Bundles: api.stream((identity) =>
      encodeX509BundlesResponse({ crls: crlsOf(identity), bundles: bundleMap(identity) }),
    ),
    FetchJWTSVID: api.fetchJwt,
    FetchJWTBundles: api.stream(api.jwtBundles),
    ValidateJWTSVID: api.validateJwt,
  });
  const target = endpoint.kind === "unix" ? `unix:${endpoint.path}` : options.address.slice("tcp://".length);
  try {
    if (endpoint.kind === "unix") prepareSocket(endpoint.path);
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(target, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve()));
    });
    if (endpoint.kind === "unix") chmodSync(endpoint.path, options.socketMode ?? 0o600);
  } catch (error) {
    server.forceShutdown();
    if (error instanceof CertError) throw error;
    throw new CertError("ERR_CERT_ENDPOINT", "endpoint", `cannot be served: ${(error as Error).message}`);
  }
  const close = async (): Promise<void> => server.forceShutdown();
  return { address: options.address, close, [Symbol.asyncDispose]: close };
}

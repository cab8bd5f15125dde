import { Server, type ServerUnaryCall, type sendUnaryData, status } from "@grpc/grpc-js";
import type { AuthenticatedCaller, Authenticator, CallerEvidence } from "../authenticator.js";
import type { Ca } from "../ca.js";
import { createCertificate, type ServiceAnswer } from "../certificate-service.js";
import { CertError } from "../errors.js";
import { CREATE_CERTIFICATE, decodeCreateCertificateRequest } from "../istio-ca.js";
import { type GrpcListener, type GrpcListenOptions, listenGrpc } from "./grpc-server.js";

/** How the certificate service runs. */
export interface CaServerOptions extends Omit<GrpcListenOptions, "clientCertificate" | "authorize"> {
  /** Who signs. */
  readonly ca: Ca;
  /** Ways to know a caller, tried in order; the first that succeeds wins. */
  readonly authenticators: readonly Authenticator[];
  /** What is done about a request that asks for names which are not the caller's. Default: `ignore`, as Citadel does; they are logged. */
  readonly otherNames?: "ignore" | "reject";
  /**
   * Says whether a caller may have a certificate for another identity, as a node's agent does for its pods: the identity
   * to certify, with who it is for, or `undefined`. Default: never.
   */
  readonly mayImpersonate?: (caller: AuthenticatedCaller, wanted: string) => AuthenticatedCaller | undefined;
  /** Says whether a caller may ask now; default: always. `rateLimiter` makes one. */
  readonly admit?: (caller: AuthenticatedCaller) => boolean;
  /** Called before each answer leaves, for logs and metrics. If it throws, the caller gets an internal error: what cannot be recorded is not issued. */
  readonly onAnswer?: (answer: ServiceAnswer) => void;
}

/** A running certificate service. */
export type CaServer = GrpcListener;

const identity = (bytes: Buffer): Buffer => bytes;
const service = {
  CreateCertificate: {
    path: CREATE_CERTIFICATE,
    requestStream: false,
    responseStream: false,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  },
} as const;

/** A request of this size holds no signing request that would be read. */
const MAX_REQUEST_BYTES = 256 * 1024;

function evidenceOf(call: ServerUnaryCall<Buffer, Buffer>, listener: GrpcListener | undefined): CallerEvidence {
  const address = call.getPeer();
  return {
    header(name) {
      const values = call.metadata.get(name);
      return values.length === 1 && typeof values[0] === "string" ? values[0] : undefined;
    },
    peer: listener?.peerAt(address),
    remoteAddress: address.replace(/:\d+$/, ""),
  };
}

/**
 * Serves `istio.v1.auth.IstioCertificateService`, as Citadel does. Clients may show a certificate; whether it counts is
 * up to the authenticators.
 *
 * @throws `CertError` `ERR_CERT_OPTION` without source and `insecure`, and what the network throws.
 * @see https://github.com/istio/istio/blob/master/security/pkg/server/ca/server.go
 */
export async function caServer(options: CaServerOptions): Promise<CaServer> {
  const server = new Server({ "grpc.max_receive_message_length": MAX_REQUEST_BYTES });
  let listener: GrpcListener | undefined;
  const answer = async (call: ServerUnaryCall<Buffer, Buffer>): Promise<ServiceAnswer> => {
    const request = decodeCreateCertificateRequest(call.request);
    const made = await createCertificate(options, request, evidenceOf(call, listener));
    options.onAnswer?.(made);
    return made;
  };
  server.addService(service, {
    CreateCertificate: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
      answer(call).then(
        (made) => {
          if (made.kind === "issued") done(null, Buffer.from(made.response));
          else done({ code: status[made.status], details: made.text });
        },
        (error: unknown) => {
          const details = error instanceof CertError ? error.problem : "internal error";
          done({ code: error instanceof CertError ? status.INVALID_ARGUMENT : status.INTERNAL, details });
        },
      );
    },
  });
  listener = await listenGrpc(server, { ...options, clientCertificate: "optional" });
  return listener;
}

/**
 * The gRPC services of an identity provider: Istio's certificate service, server and client, and gRPC credentials.
 *
 * @packageDocumentation
 */

export {
  type AuthenticatedCaller,
  type Authenticator,
  type CallerEvidence,
  clientCertificate,
} from "./authenticator.js";
export type { IssuedAnswer, RefusedAnswer, ServiceAnswer, ServiceStatus } from "./certificate-service.js";
export type { IssuanceRecord, IssuedRecord, RecordSink, RefusedRecord } from "./issuance-log.js";
export {
  type JwtCallerOptions,
  serviceAccountId,
  type TokenReviewOptions,
  type TokenReviewStatus,
  type TokenUser,
  tokenReviewCaller,
} from "./jwt-caller.js";
export { type CitadelMetrics, citadelMetrics, formatMetrics, type Metric } from "./metrics.js";
export { type RateLimit, rateLimiter } from "./rate-limit.js";
export { type CaClient, type CaClientOptions, caClient } from "./shell/ca-client.js";
export { type CaServer, type CaServerOptions, caServer } from "./shell/ca-server.js";
export { auditLog, jwtCaller } from "./shell/callers.js";
export { grpcChannelCredentials } from "./shell/grpc-client.js";
export { type GrpcListener, type GrpcListenOptions, listenGrpc } from "./shell/grpc-server.js";
export { sharedTokens } from "./shell/shared-tokens.js";
export {
  type FetchedJwt,
  type WorkloadSource,
  type WorkloadSourceOptions,
  workloadSource,
} from "./shell/workload-client.js";
export { type WorkloadServer, type WorkloadServerOptions, workloadServer } from "./shell/workload-server.js";
export { parseEndpoint, type TcpEndpoint, type UnixEndpoint, type WorkloadEndpoint } from "./workload-api.js";
export { forwardedCaller } from "./xfcc.js";

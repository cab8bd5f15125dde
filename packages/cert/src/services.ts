/**
 * The gRPC services of an identity provider: Istio's certificate service, server and client, and gRPC credentials.
 *
 * @packageDocumentation
 */

export type { AuthenticatedCaller, Authenticator, CallerEvidence } from "./authenticator.js";
export { type CaClient, type CaClientOptions, caClient } from "./shell/ca-client.js";
export { type CaServer, type CaServerOptions, caServer } from "./shell/ca-server.js";
export { sharedTokens } from "./shell/shared-tokens.js";

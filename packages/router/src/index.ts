/**
 * Envoy's routing decision as a library: which route, and why.
 *
 * @packageDocumentation
 */

// For applications and proxies.
export { type FetchRequestLike, fromFetch } from "./adapter/fetch.js";
export { fromHttp2, type Http2Headers } from "./adapter/http2.js";
export { fromIncomingMessage, type IncomingMessageLike, type SocketLike } from "./adapter/incoming-message.js";
export type { ReplyContext } from "./connection-manager/local-reply-config.js";
export {
  type Admission,
  type ConnectionManager,
  type ConnectionManagerOptions,
  compileConnectionManager,
} from "./connection-manager.js";
export type {
  CorsVerdict,
  Decision,
  DirectResponse,
  FilterConfigView,
  Forward,
  InternalRedirectVerdict,
  LocalReply,
  Mirror,
  NoRoute,
  Outcome,
  PathPattern,
  RateLimitDescriptor,
  Redirect,
  ResetReason,
  RetryVerdict,
  RouteContext,
  RouteInfo,
  Timeouts,
  UpstreamRequest,
  VirtualHostInfo,
} from "./decision.js";
export { formatIssue, type Issue, RouterError, type RouterErrorCode } from "./errors.js";
export { compileListener, type FilterChainMatch, type FilterChains } from "./filter-chain.js";
export { localReply } from "./local-reply.js";
export { fixedRandom, type Random } from "./random.js";
export { compileRbac, type Rbac, type RbacDecision, type RbacVerdict } from "./rbac.js";
export {
  type Connection,
  createRequest,
  type HeaderList,
  type RequestInit,
  type RouteRequest,
  type TlsFacts,
} from "./request.js";
export {
  compileRoutes,
  type RouteOptions,
  type RouteTable,
} from "./route-table.js";
export type { Runtime, RuntimeValue, SurroundingsOptions } from "./surroundings.js";

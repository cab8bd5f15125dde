/**
 * Envoy's routing decision without the code that reads patterns, for web pages and the edge: {@link withPatterns} loads it when a
 * table needs it. Everything else is as in `@weftmesh/router`.
 *
 * @packageDocumentation
 */

// For applications and proxies.
export { type FetchRequestLike, fromFetch } from "./adapter/fetch.js";
export { fromHttp2, type Http2Headers } from "./adapter/http2.js";
export {
  fromIncomingMessage,
  type IncomingMessageLike,
  type SocketLike,
  socketFacts,
} from "./adapter/incoming-message.js";
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
  Refusal,
  ResetReason,
  RetryVerdict,
  RouteContext,
  RouteInfo,
  Sending,
  Timeouts,
  UpstreamRequest,
  VirtualHostInfo,
} from "./decision.js";
export type { DomainClass } from "./domain-index.js";
export { formatIssue, type Issue, RouterError, type RouterErrorCode } from "./errors.js";
export { formatTrace, type HostTrace, type RouteTrace, type TestTrace, type Trace } from "./explain.js";
// For authors of extensions.
export type {
  ClusterSpecifier,
  ExtensionFactory,
  Extensions,
  NamedConfig,
  RateLimitDescriber,
  RateLimitEntry,
  TypedConfig,
} from "./extension.js";
export type { RequestFacts } from "./facts.js";
export { compileFault, type Fault, type FaultVerdict } from "./fault.js";
export type { ChainStep } from "./filter-chain/chain-tree.js";
export {
  compileListener,
  type FilterChainMatch,
  type FilterChains,
  type FilterChainTrace,
  type ListenerOptions,
} from "./filter-chain.js";
export { compileHttpFilters, type HttpFilters, type HttpFiltersOptions, type HttpRefusal } from "./http-filters.js";
export { localReply } from "./local-reply.js";
export type { StringTest } from "./match/string.js";
export { fixedRandom, type Random } from "./random.js";
export { compileRbac, type Rbac, type RbacDecision, type RbacOptions, type RbacVerdict } from "./rbac.js";
export type { PatternLibrary, RegexEngine } from "./regex/patterns.js";
export {
  type Connection,
  createRequest,
  type HeaderList,
  type RequestInit,
  type RouteRequest,
  type TlsFacts,
} from "./request.js";
export type { RetryHosts, RouteSettings, RouteTracing } from "./route-settings.js";
export {
  compileRoutes,
  type HostStats,
  type RouteOptions,
  type RouteTable,
} from "./route-table.js";
export { compileScopes, type ScopeSelector } from "./scoped-routes.js";
export type { Runtime, RuntimeValue, SurroundingsOptions } from "./surroundings.js";
export { type BucketRule, type BucketState, bucketRule, fullBucket, takeToken } from "./token-bucket.js";
export { withPatterns } from "./with-patterns.js";

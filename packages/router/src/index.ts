/**
 * Envoy's routing decision as a library: which route, and why.
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
export {
  checkRoutes,
  formatTestFailure,
  type RouteCheckReport,
  type RouteTestFailure,
  type RouteTestResult,
} from "./check/check-routes.js";
export type { MissingRouteTest, RouteCoverage } from "./check/coverage.js";
export type { KeyValue, RouteTest, RouteTestExpectation, RouteTestInput } from "./check/test-file.js";
export {
  compileConnectionManager,
  compileFault,
  compileHttpFilters,
  compileListener,
  compileRbac,
  compileRoutes,
} from "./complete.js";
export type { ReplyContext } from "./connection-manager/local-reply-config.js";
export type { Admission, ConnectionManager, ConnectionManagerOptions } from "./connection-manager.js";
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
export type { Fault, FaultVerdict } from "./fault.js";
export type { ChainStep } from "./filter-chain/chain-tree.js";
export type { FilterChainMatch, FilterChains, FilterChainTrace, ListenerOptions } from "./filter-chain.js";
export type { HttpFilters, HttpFiltersOptions, HttpRefusal } from "./http-filters.js";
export { localReply } from "./local-reply.js";
export type { StringTest } from "./match/string.js";
export { fixedRandom, type Random } from "./random.js";
export type { Rbac, RbacDecision, RbacOptions, RbacVerdict } from "./rbac.js";
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
export type { HostStats, RouteOptions, RouteTable } from "./route-table.js";
export { compileScopes, type ScopeSelector } from "./scoped-routes.js";
export type { Runtime, RuntimeValue, SurroundingsOptions } from "./surroundings.js";
export { type BucketRule, type BucketState, bucketRule, fullBucket, takeToken } from "./token-bucket.js";

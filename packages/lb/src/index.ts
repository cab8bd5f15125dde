/**
 * Chooses a host for each request, leaves out the ones that misbehave, and limits how much is in flight, with the
 * arithmetic of Envoy.
 *
 * @packageDocumentation
 */

export type {
  CircuitBreakerOptions,
  ConcurrencyRetryBudget,
  Permit,
  Resource,
  WindowRetryBudget,
} from "./circuit-breaker-options.js";
export type { Clock, Random, Scheduler } from "./clock.js";
// For applications and proxies.
export { type Cluster, createCluster } from "./cluster.js";
export type { ClusterDeps, ClusterOptions, DropOverload, HostChange, HostDelta } from "./cluster-options.js";
export { type Issue, LbError, type LbErrorCode } from "./errors.js";
export type { EjectEvent, EjectionType, HealthEvent, LbEvent, UnejectEvent } from "./event.js";
export type { Explanation, Trace, TraceStep } from "./explain.js";
export { clusterFromXds, endpointsFromXds, type FromXdsDeps } from "./from-xds.js";
export { type Hash64, hash64FromBigInt, hash64ToBigInt } from "./hash/hash64.js";
export {
  type EndpointGroup,
  type EndpointHealth,
  type HealthClass,
  type Host,
  HostFlag,
  type HostOptions,
  type JsonValue,
  type Locality,
  type Metadata,
} from "./host.js";
export type { LoadReport } from "./orca.js";
export type { OutlierDetectionOptions, ProbationOptions } from "./outlier-options.js";
export type {
  HostPick,
  NoHostReason,
  NoPick,
  Outcome,
  OutcomeResult,
  Pick,
  PickContext,
  RoutingPriority,
} from "./pick.js";
// For authors of policies.
export type { Balancer, BalancerEnv, LocalZone, Policy } from "./policy.js";
export type { HostSet, LocalityHosts, PrioritySet } from "./priority-set.js";
export {
  type HostPredicate,
  omitCanaryHosts,
  omitHostMetadata,
  previousHosts,
  previousPriorities,
  type RetryPriority,
} from "./retry.js";
export { drive, systemClock, systemScheduler, type Ticking } from "./shell/driver.js";

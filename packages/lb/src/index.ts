/**
 * Chooses a host for each request, leaves out the ones that misbehave, and limits how much is in flight, with the
 * arithmetic of Envoy.
 *
 * @packageDocumentation
 */

export { createLoadProbe, type HostLoad, hostLoad, type LoadProbe, probeOrder } from "./bounded-load.js";
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
// The arithmetic by itself: for simulators, linters and tests.
export { createEdf, type EdfScheduler } from "./edf.js";
export { type Issue, LbError, type LbErrorCode } from "./errors.js";
export type { EjectEvent, EjectionType, HealthEvent, LbEvent, UnejectEvent } from "./event.js";
export { createEwma, type Ewma } from "./ewma.js";
export type { Explanation, Trace, TraceStep } from "./explain.js";
export { clusterFromXds, endpointsFromXds, type FromXdsDeps, optionsFromXds } from "./from-xds.js";
export { type HashFunction, murmurHash64, xxHash64 } from "./hash/hash-text.js";
export { type Hash64, hash64FromBigInt, hash64ToBigInt } from "./hash/hash64.js";
export { type HashRequest, hashRequest, type NewCookie, type RequestHashPolicy } from "./hash-policy.js";
export { createHashRing, type HashRing, type RingOptions, type WeightedKey } from "./hash-ring.js";
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
export type { LocalityMode, LocalityWeighted, ZoneAware } from "./locality-options.js";
export {
  createLocalitySchedule,
  effectiveLocalityWeight,
  type LocalityCounts,
  type LocalitySchedule,
} from "./locality-schedule.js";
export { createMaglevTable, type MaglevTable } from "./maglev-table.js";
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
export { type LeastRequestOptions, type LeastRequestSelection, leastRequest } from "./policy/least-request.js";
export { type RandomOptions, random } from "./policy/random.js";
export { type RoundRobinOptions, roundRobin } from "./policy/round-robin.js";
// For authors of policies.
export type { Balancer, BalancerEnv, LocalZone, Policy } from "./policy.js";
export { type PriorityCounts, type PriorityLoads, priorityLoads } from "./priority-load.js";
export type { HostSet, LocalityHosts, PrioritySet } from "./priority-set.js";
export {
  type HostPredicate,
  omitCanaryHosts,
  omitHostMetadata,
  previousHosts,
  previousPriorities,
  type RetryPriority,
} from "./retry.js";
export { retryBudgetLimit, type WindowBudgetAmounts, windowBudgetAmounts } from "./retry-budget.js";
export { createRotation, type Rotation } from "./rotation.js";
export { drive, systemClock, systemScheduler, type Ticking } from "./shell/driver.js";
export type { SlowStartOptions } from "./slow-start.js";
export { slowStartWeight } from "./slow-start.js";
export { failsByPercentage, type SuccessRateThreshold, successRateThreshold } from "./success-rate.js";
export type { ConsistentHashOptions } from "./table-balancer.js";
export {
  type ZoneCounts,
  type ZoneExit,
  type ZonePercentages,
  type ZonePlan,
  type ZonePlanInput,
  zonePlan,
} from "./zone-plan.js";

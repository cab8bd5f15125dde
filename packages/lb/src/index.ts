/**
 * Chooses a host for each request, leaves out the ones that misbehave, and limits how much is in flight, with the
 * arithmetic of Envoy.
 *
 * A {@link Cluster} is the whole of it. It holds no timer and no socket; {@link drive} gives it the time of this
 * process.
 *
 * @example
 * ```ts
 * import { createCluster, drive, leastRequest, systemClock } from "@weftmesh/lb";
 *
 * const cluster = createCluster(
 *   {
 *     hosts: ["10.0.0.1:8080", "10.0.0.2:8080", { address: "10.0.0.3:8080", weight: 2 }],
 *     policy: leastRequest(),
 *     outlierDetection: { consecutive5xx: 5, maxEjectionPercent: 50 },
 *   },
 *   { clock: systemClock, random: Math.random },
 * );
 * const driver = drive(cluster);
 *
 * const pick = cluster.pick();
 * if (pick.kind === "host") {
 *   console.log(`send it to ${pick.host.address}`);
 *   pick.done({ result: "response", status: 200 });
 * }
 *
 * driver[Symbol.dispose]();
 * cluster[Symbol.dispose]();
 * ```
 *
 * @packageDocumentation
 */

// The arithmetic by itself: for simulators, linters and tests.
export { createLoadProbe, type HostLoad, hostLoad, type LoadProbe, probeOrder } from "./bounded-load.js";
export { type EffectiveLimits, effectiveLimits } from "./circuit-breaker.js";
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
export type {
  ClusterDeps,
  ClusterOptions,
  DropOverload,
  HostChange,
  HostDelta,
  LocalOptions,
} from "./cluster-options.js";
export type { DnsAddress, DnsDiscoveryOptions, DnsFamily } from "./discovery.js";
export { createEdf, type EdfScheduler } from "./edf.js";
export { type Issue, LbError, type LbErrorCode } from "./errors.js";
export type { EjectEvent, EjectionType, HealthCheckFailure, HealthEvent, LbEvent, UnejectEvent } from "./event.js";
export { createEwma, type Ewma, type EwmaSnapshot } from "./ewma.js";
export type {
  AdmissionStep,
  DropStep,
  Explanation,
  HostStep,
  PriorityStep,
  RejectedStep,
  SourceStep,
  SubsetStep,
  Trace,
  TraceStep,
} from "./explain.js";
export {
  ACCRUAL_START,
  type AccrualEvent,
  type AccrualOpen,
  type AccrualProbation,
  type AccrualShut,
  accrualBackoffMs,
  accrue,
  type FailureAccrual,
  type FailureAccrualOptions,
} from "./failure-accrual.js";
export {
  clusterFromXds,
  discoveryFromXds,
  type EndpointOptions,
  endpointsFromXds,
  type FromXdsDeps,
  optionsFromXds,
} from "./from-xds.js";
export { type HashFunction, murmurHash64, xxHash64 } from "./hash/hash-text.js";
export { type Hash64, hash64FromBigInt, hash64ToBigInt } from "./hash/hash64.js";
export {
  type ConnectionAddresses,
  type CookieAttribute,
  type CookieHashPolicy,
  type FilterStateHashPolicy,
  type HashRequest,
  type HeaderHashPolicy,
  hashRequest,
  type NewCookie,
  type QueryParameterHashPolicy,
  type RequestHashPolicy,
  type SourceIpHashPolicy,
  type TerminalHashPolicy,
} from "./hash-policy.js";
export { createHashRing, type HashRing, type RingOptions, type WeightedKey } from "./hash-ring.js";
export {
  applyCheck,
  type CheckEvent,
  type CheckResult,
  type CheckState,
  type CheckStep,
  firstCheckDelay,
  type HealthCheckOptions,
  nextCheckDelay,
  uncheckedState,
} from "./health-check.js";
export {
  type EndpointGroup,
  type EndpointHealth,
  type HealthClass,
  type Host,
  HostFlag,
  type HostHealthCheck,
  type HostOptions,
  type JsonValue,
  type Locality,
  type Metadata,
} from "./host.js";
export type { HostOverride } from "./host-override.js";
export { type LintFacts, type LintFinding, type LintRule, lint } from "./lint.js";
export type { LocalityMode, LocalityWeighted, ZoneAware } from "./locality-options.js";
export {
  createLocalitySchedule,
  effectiveLocalityWeight,
  type LocalityCounts,
  type LocalitySchedule,
} from "./locality-schedule.js";
export { createMaglevTable, type MaglevTable } from "./maglev-table.js";
export type { LoadReport } from "./orca.js";
export { medianWeight, type OrcaState, orcaUtilization, orcaWeight, recordReport, usableWeight } from "./orca.js";
export { type OutlierLogEntry, outlierLogEntry } from "./outlier-log.js";
export type { OutlierDetectionOptions, ProbationOptions } from "./outlier-options.js";
export type { HostOutlierReport, OutlierReport } from "./outlier-report.js";
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
// Policies.
export {
  type ClientSideWeightedRoundRobinOptions,
  clientSideWeightedRoundRobin,
} from "./policy/client-side-weighted-round-robin.js";
export {
  effectiveBias,
  type LeastRequestOptions,
  type LeastRequestSelection,
  leastRequest,
  leastRequestWeight,
} from "./policy/least-request.js";
export { type MaglevOptions, maglev } from "./policy/maglev.js";
export { type OriginalDestinationOptions, originalDestination } from "./policy/original-destination.js";
export {
  type MetadataPath,
  type OverrideHeader,
  type OverrideHostOptions,
  type OverrideHostSource,
  type OverrideMetadata,
  overrideHost,
} from "./policy/override-host.js";
export { type PeakEwmaOptions, peakEwma } from "./policy/peak-ewma.js";
export { type RandomOptions, random } from "./policy/random.js";
export { type RandomSubsettingOptions, randomSubsetting } from "./policy/random-subsetting.js";
export { type RingHashOptions, ringHash } from "./policy/ring-hash.js";
export { type RoundRobinOptions, roundRobin } from "./policy/round-robin.js";
export { type StaticStrideOptions, staticStride } from "./policy/static-stride.js";
export { subset } from "./policy/subset.js";
// For authors of policies.
export type {
  Balancer,
  BalancerEnv,
  HealthChange,
  HostsChange,
  LocalZone,
  MembershipChange,
  Policy,
  ValueChange,
} from "./policy.js";
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
export { checkerFromXds } from "./shell/checker-from-xds.js";
export { type DnsDiscoveryDeps, type DnsResolver, runDnsDiscovery, systemResolver } from "./shell/dns-discovery.js";
export { drive, systemClock, systemScheduler, type Ticking } from "./shell/driver.js";
export { type GrpcBalancerOptions, registerGrpcBalancer } from "./shell/grpc-balancer.js";
export { type GrpcCheckOptions, grpcCheck } from "./shell/grpc-check.js";
export type { GrpcExperimental, GrpcLeafConstructor, GrpcPickArgs } from "./shell/grpc-types.js";
export { type HealthChecker, type HealthCheckRunOptions, runHealthChecks } from "./shell/health-checks.js";
export type { HostPlace } from "./shell/host-place.js";
export { type HostPicker, hostPicker, type PickedHost } from "./shell/http-agent.js";
export { type HttpCheckOptions, httpCheck } from "./shell/http-check.js";
export { type StartClusterOptions, startCluster } from "./shell/start-cluster.js";
export { type TcpCheckOptions, tcpCheck } from "./shell/tcp-check.js";
export { type Connector, type TcpUpstream, tcpProxy } from "./shell/tcp-proxy.js";
export {
  type LbInterceptorOptions,
  lbInterceptor,
  type UndiciController,
  type UndiciDispatchOptions,
  type UndiciHandler,
  type UndiciHeaders,
  type UndiciInterceptor,
} from "./shell/undici.js";
export {
  type AttemptOptions,
  type AttemptRequest,
  type AttemptReset,
  type AttemptResponse,
  type AttemptResult,
  type AttemptSink,
  type FieldList,
  outcomeOfAttempt,
  type UndiciAgent,
  undiciAttempt,
} from "./shell/undici-attempt.js";
export { type ForwardClient, type ForwardOptions, type ForwardRoute, undiciForward } from "./shell/undici-forward.js";
export {
  type Candidate,
  type CandidateReport,
  type Percentiles,
  renderSvg,
  renderTable,
  type Scenario,
  type ScenarioEvent,
  type ServerGroup,
  type ServerOptions,
  type SimulationProgress,
  type SimulationReport,
  simulate,
} from "./simulate.js";
export type { SlowStartOptions } from "./slow-start.js";
export { slowStartWeight } from "./slow-start.js";
export type { StatusRange } from "./status-range.js";
export { createStride, type StrideScheduler } from "./stride.js";
export type { SubsetFallback, SubsetOptions, SubsetSelector } from "./subset-options.js";
export { failsByPercentage, type SuccessRateThreshold, successRateThreshold } from "./success-rate.js";
export type { ConsistentHashOptions } from "./table-balancer.js";
export { type Tried, type TryHostsOptions, tryHosts } from "./try-hosts.js";
export {
  type DirectZonePlan,
  type NoZonePlan,
  type ResidualZonePlan,
  type ZoneCounts,
  type ZoneExit,
  type ZonePercentages,
  type ZonePlan,
  type ZonePlanInput,
  zonePlan,
} from "./zone-plan.js";

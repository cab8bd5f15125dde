/**
 * The xDS protocol, both sides, all variants.
 *
 * A server publishes snapshots, a client follows them:
 *
 * ```ts
 * import { createClient, createServer, createSnapshotCache } from "@weftmesh/xds";
 * import { Cluster } from "@weftmesh/xds-types/envoy/config/cluster/v3";
 *
 * const cache = createSnapshotCache();
 * cache.set("sidecar-1", [{ typeUrl: Cluster.typeUrl, name: "shop", message: { name: "shop", type: "STATIC" } }]);
 * await using server = createServer({ cache, onEvent: (event) => console.log(event.kind) });
 * const port = await server.listen("127.0.0.1:0");
 *
 * const bootstrap = { servers: [{ uri: `127.0.0.1:${port}` }], node: { id: "sidecar-1" } };
 * await using client = createClient({ bootstrap });
 * for await (const { listeners, clusters, changes } of client.config()) {
 *   console.log(listeners.size, [...clusters.keys()], changes);
 *   break;
 * }
 * ```
 *
 * Inside, both sides are reducers over bytes, `(state, event) → { state, effects }`; what touches sockets and timers
 * stands in `shell/`.
 *
 * @packageDocumentation
 */

// For users.

export type { BackoffConfig } from "./backoff.js";
export { GRPC_BACKOFF } from "./backoff.js";
export type { Authority, Bootstrap, ServerConfig } from "./bootstrap.js";
export { readEnvoyBootstrap, readGrpcBootstrap } from "./bootstrap-read.js";
export type { EnvoyBootstrapOptions } from "./bootstrap-write.js";
export { envoyBootstrap, grpcBootstrap } from "./bootstrap-write.js";
export type { ChangePlan, PlannedChange, PlanPhase } from "./change-plan.js";
export { formatPlan } from "./change-plan.js";
export type { LastGoodStore, StoredResource } from "./client/last-good.js";
export type { ResourceStatus } from "./client/status.js";
export type { ClientDump, ResourceDump } from "./client-dump.js";
export type { ClusterConfig, ConfigChange, ConfigSet, ListenerConfig } from "./config-set.js";
export type { ConsistencyFinding } from "./consistency.js";
export type { DebounceConfig } from "./debounce.js";
export { ISTIO_DEBOUNCE } from "./debounce.js";
export type { DynamicParameters, ParameterConstraint } from "./dynamic-parameters.js";
export type { XdsErrorCode } from "./errors.js";
export { XdsError } from "./errors.js";
export type { JournalEntry, ReplayDifference } from "./journal.js";
export { replayJournal } from "./journal.js";
export { selectMetrics } from "./load-metrics.js";
export type { LoadOutcome, LoadStore, LoadTarget } from "./load-store.js";
export { createLoadStore } from "./load-store.js";
export type { Convergence, Meter } from "./metrics.js";
export { clientMetrics, serverMetrics } from "./metrics.js";
export type { Breach, StreamMonitor } from "./monitor.js";
export { createStreamMonitor } from "./monitor.js";
export { muxCache } from "./mux-cache.js";
export type { Nack, NackReason } from "./nack.js";
export { explainNack } from "./nack-explain.js";
export type { Locality, NodeIdentity } from "./node.js";
export { type Finding, findingsOf, type MessageResource, type Reference, type ResourceType } from "./resource.js";
export type { SecretSupply } from "./secret-cache.js";
export type { AdmissionConfig } from "./server/admission.js";
export { checkConsistency } from "./shell/check-consistency.js";
export { createClient } from "./shell/client.js";
export { registerClientStatus } from "./shell/client-status.js";
export { debouncedCache } from "./shell/debounced-cache.js";
export { fileLastGood } from "./shell/file-last-good.js";
export type { FileSourceOptions } from "./shell/file-source.js";
export { watchFile } from "./shell/file-source.js";
export type { FollowOptions } from "./shell/follow.js";
export { createLinearCache } from "./shell/linear-cache.js";
export type { LoadReportOptions, LoadStatsOptions } from "./shell/load-stats.js";
export { registerLoadStats, reportLoads } from "./shell/load-stats.js";
export { ORCA_TRAILER, readLoadTrailer, registerOrca, watchLoad, writeLoadTrailer } from "./shell/orca.js";
export { planSnapshots } from "./shell/plan-snapshots.js";
export { publishFiles } from "./shell/publish-files.js";
export { createQuarantine } from "./shell/quarantine.js";
export type { Relay, RelayOptions } from "./shell/relay.js";
export { createRelay } from "./shell/relay.js";
export type { RestOptions } from "./shell/rest.js";
export { restHandler } from "./shell/rest.js";
export type { RestSourceOptions } from "./shell/rest-source.js";
export { watchRest } from "./shell/rest-source.js";
export { createSecretCache } from "./shell/secret-cache.js";
export { createServer } from "./shell/server.js";
export { createSnapshotCache } from "./shell/snapshot-cache.js";
export type { WatchError, WatchUpdate } from "./watch.js";
export type { ClientEvent, ClientOptions, XdsClient } from "./xds-client.js";
export type {
  AuthContext,
  Caller,
  ClientStatus,
  ClientTypeStatus,
  Demand,
  ServerEvent,
  ServerOptions,
  XdsServer,
} from "./xds-server.js";
export type { XdstpDirective, XdstpName } from "./xdstp.js";
export { canonicalName, formatXdstp, parseXdstp } from "./xdstp.js";

// For authors of caches and transports.

export type { Cache, Snapshot, SnapshotCache, SnapshotChange, TypeChange, TypeView } from "./cache.js";
export type { LinearCache } from "./linear-cache.js";
export type { EncodedResource } from "./resource.js";

import type { Cluster as ClusterMessage } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import { throwIssues } from "../errors.js";
import { readChecker } from "../from-xds/checker.js";
import { IssueList } from "../from-xds/issues.js";
import { grpcCheck } from "./grpc-check.js";
import type { HealthChecker } from "./health-checks.js";
import { httpCheck } from "./http-check.js";
import { tcpCheck } from "./tcp-check.js";

/**
 * How a cluster's message wants its hosts to be checked, for {@link runHealthChecks}; nothing if it has no health check.
 *
 * @throws {@link LbError} `ERR_LB_CONFIG_INVALID` with everything that Envoy refuses or that checks here cannot do: other
 * kinds than HTTP/1.1, TCP and gRPC, TLS, substitutions in headers, regular expressions.
 */
export function checkerFromXds(cluster: ClusterMessage): HealthChecker | undefined {
  const [check] = cluster.healthChecks ?? [];
  if (check === undefined) return undefined;
  const issues = new IssueList();
  if (cluster.transportSocket !== undefined) issues.add("transport_socket", "checks are over plain text only");
  const spec = readChecker(check, {
    cluster: cluster.name ?? "",
    path: "health_checks[0]",
    issues,
    unsupported: issues,
  });
  throwIssues(issues.issues);
  switch (spec?.kind) {
    case "http":
      return httpCheck(spec.options);
    case "tcp":
      return tcpCheck(spec.options);
    case "grpc":
      return grpcCheck(spec.options);
    case undefined:
      return undefined;
  }
}

import type { LoadBalancingPolicy } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import type { LocalityMode } from "../locality-options.js";
import type { Policy } from "../policy.js";
import type { IssueList } from "./issues.js";

/** What reading a policy needs to know from around it. */
export interface PolicyScope {
  readonly issues: IssueList;
  /** Set by `wrr_locality` for its child. */
  readonly locality?: LocalityMode;
  /** How many policies this one is nested in. */
  readonly depth: number;
  /** Reads the policies a policy holds in turn. */
  readonly readList: (list: LoadBalancingPolicy, path: string, scope: PolicyScope) => Policy | undefined;
}

/** Turns the message of one policy type into a policy. */
export type PolicyReader = (message: unknown, path: string, scope: PolicyScope) => Policy | undefined;

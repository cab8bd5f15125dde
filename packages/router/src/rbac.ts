import type { Connection, RouteRequest } from "./request.js";

/** The verdict of one rule set. */
export interface RbacVerdict {
  /** Whether the request may pass. */
  readonly allowed: boolean;
  /** Name of the policy or matcher action that decided; absent if none matched. */
  readonly policy?: string | undefined;
  /** Whether a LOG rule asks to log the request. */
  readonly log: boolean;
}

/** What RBAC says about a request. */
export interface RbacDecision extends RbacVerdict {
  /** What the shadow rules would have said; absent without shadow rules. */
  readonly shadow?: RbacVerdict | undefined;
}

/** Compiled RBAC rules. */
export interface Rbac {
  /** Judges a request. Never throws. */
  decide(request: RouteRequest): RbacDecision;
  /** Judges a connection, for the network filter: permissions and principals that need HTTP never hold. */
  decideConnection(connection: Connection): RbacDecision;
}

/**
 * Compiles the configuration of Envoy's RBAC filter, the HTTP or the network one.
 *
 * @throws {@link RouterError} with every problem found.
 */
export function compileRbac(config: object): Rbac {
  throw new TypeError(`not built: ${typeof config}`);
}

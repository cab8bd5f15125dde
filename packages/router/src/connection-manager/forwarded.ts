import type { HeaderFields } from "../header/fields.js";
import { type Address, parseAddress } from "../match/address.js";

/** An address found in `x-forwarded-for`. */
export interface ForwardedAddress {
  readonly text: string;
  readonly address: Address;
  /** Whether it is the only one there. */
  readonly single: boolean;
}

/**
 * The address that `skip` trusted hops leave at the right end of `x-forwarded-for`; `undefined` if there are not enough, or if it is not
 * an address.
 */
export function lastForwarded(fields: HeaderFields, skip: number): ForwardedAddress | undefined {
  const list = fields.get("x-forwarded-for");
  if (list === undefined || list === "") return undefined;
  const entries = list.split(",");
  const wanted = entries[entries.length - 1 - skip];
  if (wanted === undefined) return undefined;
  const text = wanted.trim();
  const address = parseAddress(text);
  return address === undefined ? undefined : { text, address, single: entries.length === 1 };
}

/** Fields that only a front proxy may set: an edge proxy takes them off what clients send. */
const edgeOnly = [
  "x-envoy-decorator-operation",
  "x-envoy-downstream-service-cluster",
  "x-envoy-downstream-service-node",
  "x-envoy-original-path",
  "x-envoy-original-host",
] as const;

/** Fields that steer the router: external requests lose them. */
const internalOnly = [
  "x-envoy-retriable-status-codes",
  "x-envoy-retriable-header-names",
  "x-envoy-retry-on",
  "x-envoy-retry-grpc-on",
  "x-envoy-max-retries",
  "x-envoy-upstream-alt-stat-name",
  "x-envoy-upstream-rq-timeout-ms",
  "x-envoy-upstream-rq-per-try-timeout-ms",
  "x-envoy-upstream-rq-timeout-alt-response",
  "x-envoy-upstream-stream-duration-ms",
  "x-envoy-expected-rq-timeout-ms",
  "x-envoy-force-trace",
  "x-envoy-ip-tags",
  "x-envoy-original-url",
  "x-envoy-hedge-on-per-try-timeout",
  "x-envoy-internal",
] as const;

/** Takes off what an external client has no right to say. */
export function sanitize(fields: HeaderFields, edge: boolean, configured: readonly string[]): void {
  if (edge) for (const name of edgeOnly) fields.remove(name);
  for (const name of internalOnly) fields.remove(name);
  for (const name of configured) fields.remove(name);
}

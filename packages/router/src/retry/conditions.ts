/** HTTP and gRPC conditions of `retry_on`, as Envoy spells them. */
export const httpConditions = [
  "5xx",
  "gateway-error",
  "connect-failure",
  "envoy-ratelimited",
  "retriable-4xx",
  "refused-stream",
  "retriable-status-codes",
  "retriable-headers",
  "reset",
  "reset-before-request",
  "http3-post-connect-failure",
] as const;

/** gRPC conditions with the status code each stands for. */
export const grpcConditions: ReadonlyMap<string, number> = new Map([
  ["cancelled", 1],
  ["deadline-exceeded", 4],
  ["resource-exhausted", 8],
  ["internal", 13],
  ["unavailable", 14],
]);

const known: ReadonlySet<string> = new Set([...httpConditions, ...grpcConditions.keys()]);

/** The known conditions of a comma-separated list; blanks are trimmed, unknown ones ignored. */
export function parseRetryOn(text: string | undefined, grpcOnly = false): ReadonlySet<string> {
  const found = new Set<string>();
  for (const token of (text ?? "").split(",")) {
    const name = token.trim();
    if (grpcOnly ? grpcConditions.has(name) : known.has(name)) found.add(name);
  }
  return found;
}

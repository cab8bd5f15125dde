import type { ClientRules } from "./entry.js";

/** How long a name may stay unanswered (gRFC A57), in milliseconds. */
const MISSING_AFTER_MS = 15_000;

/** The same where silence counts as a transient error (gRFC A88). */
const TRANSIENT_MISSING_AFTER_MS = 30_000;

/** What this client says it understands; of the three spellings of the wrapper feature it sends gRPC's (S12). */
export const CLIENT_FEATURES: readonly string[] = [
  "xds.config.resource-in-sotw",
  "xds.config.supports-resource-ttl",
  "envoy.lrs.supports_send_all_clusters",
];

/**
 * Reads a server's features into rules. Without `fail_on_data_errors` (A88) or `ignore_resource_deletion` (A53) a
 * deletion is a deletion, and a resource with a data error stays in use.
 */
export function clientRules(
  features: readonly string[],
  judge: ClientRules["judge"],
  more: Pick<ClientRules, "parameters" | "judgeSet"> = {},
): ClientRules {
  const dropOnDataError = features.includes("fail_on_data_errors");
  // Both spellings are in the wild: the stored draft of A88 and its later short form.
  const timerIsTransient =
    features.includes("resource_timer_is_transient_error") ||
    features.includes("resource_timer_indicates_transient_failure");
  return {
    ...more,
    judge,
    keepDeleted: features.includes("ignore_resource_deletion") && !dropOnDataError,
    dropOnDataError,
    timerIsTransient,
    missingAfterMs: timerIsTransient ? TRANSIENT_MISSING_AFTER_MS : MISSING_AFTER_MS,
  };
}

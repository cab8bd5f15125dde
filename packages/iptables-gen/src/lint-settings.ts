import type { Finding } from "./lint.js";
import type { Compat } from "./options.js";
import type { Settings } from "./settings.js";

/** What settings do beside making rules, and nobody expects; for `fixed`, only what it does not mend. With `all`, also what no flag avoids. */
export function lintSettings(settings: Settings, compat: Compat, all: boolean): readonly Finding[] {
  const findings: Finding[] = [];
  const add = (rule: Finding["rule"], flag: string, message: string, mendedByFixed = true): void => {
    if (!mendedByFixed || compat === "strict") findings.push({ rule, flag, message, mendedByFixed });
  };
  if (settings.dryRun && settings.nativeNftables) {
    add("dry-run-applies", "--dry-run", "with native nft a dry run applies the rules");
  }
  if (settings.reconcile) {
    const message =
      "foreign rules count as drift, for which all TCP and UDP is dropped for a moment, and for good when a step fails; chains of another configuration never go";
    add("reconcile-drops-traffic", "--reconcile", message);
  }
  if (settings.cleanupOnly) {
    add("chains-left", "--cleanup-only", "chains of another configuration or version stay, and routes are added");
  }
  if (!all) return findings;
  if (settings.forceIptablesBinary === "" && !settings.nativeNftables) {
    const message = "every second run finds the table its own probe made, and puts the rules into the legacy variant";
    add("variant-flips", "--force-iptables-binary", message);
  }
  add(
    "jump-appended",
    "--istio-inbound-ports",
    "the jump is appended: an earlier rule of somebody else takes the packets",
  );
  const shallow = "one loopback connection is tried, which says nothing of the other rules; use verify";
  add("validation-shallow", "--run-validation", shallow, false);
  return findings;
}

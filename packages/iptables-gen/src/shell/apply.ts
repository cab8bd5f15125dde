import type { Compat } from "../options.js";
import { apply } from "../procedure/apply.js";
import { applyWithIptables } from "../procedure/istio-apply.js";
import { applyWithNft } from "../procedure/nft-apply.js";
import type { Procedure } from "../procedure/procedure.js";
import type { Settings } from "../settings.js";
import { type LogSink, perform } from "./perform.js";
import { type CommandRunner, localRunner } from "./run-command.js";

/**
 * Applies (or, with `cleanupOnly`, removes) rules, routes and addresses: in `strict` command by command as istio-iptables does, in
 * `fixed` idempotently.
 *
 * @throws {@link IptablesError} with the original's message.
 */
export function applySettings(
  settings: Settings,
  compat: Compat,
  log: LogSink,
  runner: CommandRunner = localRunner,
): void {
  perform(applyProcedure(settings, compat), runner, log);
}

function applyProcedure(settings: Settings, compat: Compat): Procedure<void> {
  if (compat === "fixed") return apply(settings);
  return settings.nativeNftables ? applyWithNft(settings) : applyWithIptables(settings);
}

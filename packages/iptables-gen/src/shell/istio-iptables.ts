import { IptablesError } from "../errors.js";
import { type Environment, type FlagResult, readFlags } from "../flags.js";
import { fillFromHost, type HostFacts } from "../host.js";
import type { Compat } from "../options.js";
import type { FlagSyntax } from "../pflag.js";
import type { Procedure } from "../procedure/procedure.js";
import { type Settings, validateSettings } from "../settings.js";
import { type LogSink, perform, readingRunner, recordingRunner } from "./perform.js";
import type { CommandRunner } from "./run-command.js";

/** The machine a run of istio-iptables works on. */
export interface Machine {
  /** What the machine says about itself. */
  readonly host: HostFacts;
  /** Runs its programs; asked for only when something is to be run or read. */
  readonly runner: () => CommandRunner | Promise<CommandRunner>;
  /** Where messages go. */
  readonly log: LogSink;
  /** Checks that captured connections arrive. Throws if not. Absent: validation is not available. */
  readonly validate?: (settings: Settings) => Promise<void>;
  /** Gets every line a dry run would have run. */
  readonly transcript?: (lines: readonly string[], file: string) => void | Promise<void>;
}

/** How the run reads flags and behaves. */
export interface IstioIptablesOptions {
  /** Which behaviour is reproduced. */
  readonly compat: Compat;
  /** Flags of the calling program that may stand among istio's. */
  readonly extra?: readonly FlagSyntax[];
}

/** Exit code of the original when the validation probe fails. */
const VALIDATION_EXIT = 126;

const VALIDATION_FAILED = `iptables validation failed; workload is not ready for Istio.
When using Istio CNI, this can occur if a pod is scheduled before the node is ready.

If installed with 'cni.repair.deletePods=true', this pod should automatically be deleted and retry.
Otherwise, this pod will need to be manually removed so that it is scheduled on a node with istio-cni running, allowing iptables rules to be established.
`;

/**
 * One whole run of istio-iptables: flags and variables, host, checks, rules, routes, validation.
 *
 * @throws {@link IptablesError} with the original's message and exit code; the caller prints it.
 */
export async function istioIptables(
  argv: readonly string[],
  env: Environment,
  machine: Machine,
  options: IstioIptablesOptions,
): Promise<void> {
  await applyFlags(readFlags(argv, env, options), machine, options.compat);
}

/** The part of {@link istioIptables} after the flags were read. */
export async function applyFlags(flags: FlagResult, machine: Machine, compat: Compat): Promise<void> {
  for (const warning of flags.warnings) machine.log("warn", warning);
  const settings = fillFromHost(flags.settings, flags.envoyUser, machine.host);
  validateSettings(settings);
  // The original's native nft mode applies in a dry run too.
  const dry = settings.dryRun && !(settings.nativeNftables && compat === "strict");
  const procedure = await procedureFor(settings, compat);
  if (dry) {
    // What would be removed is known only to the machine.
    const reading = compat === "fixed" && settings.cleanupOnly;
    const recorder = reading ? readingRunner(await machine.runner()) : recordingRunner();
    try {
      perform(procedure, recorder, machine.log);
    } finally {
      await machine.transcript?.(recorder.lines, flags.dryRunFile);
    }
  } else {
    perform(procedure, await machine.runner(), machine.log);
  }
  if (!settings.runValidation) return;
  try {
    if (machine.validate === undefined) throw new Error("validation is not available here");
    await machine.validate(settings);
  } catch (error) {
    throw new IptablesError("ERR_IPTABLES_VALIDATION", VALIDATION_FAILED, { exitCode: VALIDATION_EXIT, cause: error });
  }
}

/** Each is loaded when it is needed: a dry run must start as fast as node does. */
async function procedureFor(settings: Settings, compat: Compat): Promise<Procedure<void>> {
  if (compat === "fixed") return (await import("../procedure/apply.js")).apply(settings);
  if (settings.nativeNftables) return (await import("../procedure/nft-apply.js")).applyWithNft(settings);
  return (await import("../procedure/istio-apply.js")).applyWithIptables(settings);
}

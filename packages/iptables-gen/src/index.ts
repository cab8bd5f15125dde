/**
 * The traffic-capture rules of istio-iptables: generated, explained, verified, removed.
 *
 * Options say what is captured; {@link generate} turns them into rules as data; renderers write the rules for iptables-restore or nft;
 * {@link originalDst} tells a proxy where a captured connection was meant to go.
 *
 * ```ts
 * import { DEFAULT_OPTIONS, generate, renderRestore } from "@weftmesh/iptables-gen";
 *
 * const rules = generate({ ...DEFAULT_OPTIONS, inboundPorts: "*", outboundRanges: "*" });
 * console.log(renderRestore(rules, "ipv4"));
 * ```
 *
 * @packageDocumentation
 */

export { checkOptions } from "./check-options.js";
// For applications, proxies and deployment tools.
export { type Cidr, parseCidr } from "./cidr.js";
export { diffVerdicts, type VerdictChange } from "./diff.js";
export { type ExitCode, formatIssue, IptablesError, type IptablesErrorCode, type Issue } from "./errors.js";
// For those who write renderers, drivers and checks.
export {
  FLAGS,
  type FlagGroup,
  type FlagSpec,
  type IgnoredFlag,
  REMOVED_FLAGS,
  type RemovedFlag,
  VARIABLES,
  type VariableSpec,
} from "./flag-table.js";
export { type Environment, type FlagReading, type FlagResult, parseFlags, readFlags } from "./flags.js";
export { fillFromHost, type HostAddress, type HostFacts, hostAddress } from "./host.js";
export { type Finding, type LintContext, lint } from "./lint.js";
export { MIRRORED, type Mirrored } from "./mirrored.js";
export { type IdResolver, normalRule, ruleKey } from "./normal-form.js";
export { type Compat, DEFAULT_OPTIONS, type DnsCapture, type Options, type OwnerGroups } from "./options.js";
export { parseIptablesSave, type SavedChain, type SavedRule, type SavedTable } from "./parse/iptables-save.js";
export { parseNftJson } from "./parse/nft-json.js";
export type { FlagSyntax, FlagValue } from "./pflag.js";
export { plan, type Step } from "./plan.js";
export type { Endpoint } from "./proc-net.js";
export { apply } from "./procedure/apply.js";
export { cleanMachine } from "./procedure/clean.js";
export { applyWithIptables } from "./procedure/istio-apply.js";
export { applyWithNft } from "./procedure/nft-apply.js";
export {
  type Command,
  type CommandResult,
  commandLine,
  type Effect,
  type LogEffect,
  type LogLevel,
  type Procedure,
  type RunEffect,
  type Sandbox,
} from "./procedure/procedure.js";
export { detectVariant, type Variant } from "./procedure/variant.js";
export { renderRestore } from "./render/iptables-restore.js";
export { renderSave, renderSavedTable } from "./render/iptables-save.js";
export { renderNftList } from "./render/nft-list.js";
export { renderNftables, renderNftablesCleanup } from "./render/nftables.js";
export { renderScript, type ScriptOptions } from "./render/script.js";
export type {
  AddressMatch,
  Backend,
  CopyMarkTarget,
  Family,
  FamilyMatch,
  InterfaceMatch,
  JumpTarget,
  MarkMatch,
  Match,
  OpaqueMatch,
  OpaqueTarget,
  OwnerMatch,
  PortMatch,
  Protocol,
  ProtocolMatch,
  RedirectTarget,
  Rule,
  SetMarkTarget,
  StateMatch,
  Table,
  Target,
  TproxyTarget,
  VerdictTarget,
  ZoneTarget,
} from "./rule.js";
export { generate, type RuleSet } from "./rule-set.js";
export {
  type CompiledSettings,
  compileSettings,
  DEFAULT_SETTINGS,
  type Settings,
  validateSettings,
} from "./settings.js";
export { configText } from "./settings-text.js";
export { applySettings } from "./shell/apply.js";
export { hostFacts } from "./shell/host-facts.js";
export { type IstioIptablesOptions, istioIptables, type Machine } from "./shell/istio-iptables.js";
export {
  type AcceptedSocket,
  type FoundDst,
  type LoopDst,
  type OriginalDst,
  type OriginalDstOptions,
  originalDst,
  type UnknownDst,
} from "./shell/original-dst.js";
export { type LogSink, perform, type RecordingRunner, recordingRunner } from "./shell/perform.js";
export { type CommandRunner, localRunner, namespaceRunner } from "./shell/run-command.js";
export { type Difference, verifyRules } from "./verify.js";
export { verifyNative } from "./verify-nft.js";
export type { Trace } from "./walk/evaluate.js";
export {
  DEFAULT_SURROUNDINGS,
  endpointText,
  type NetworkInterface,
  type Packet,
  type PacketOwner,
  type Surroundings,
} from "./walk/packet.js";
export {
  createWalker,
  type Explanation,
  type GeneratedSource,
  type NativeSource,
  type SavedSource,
  type Verdict,
  type Walker,
  type WalkSource,
  walk,
} from "./walk/walk.js";

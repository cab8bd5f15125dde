import { IptablesError } from "../errors.js";
import { renderNftables, renderNftablesCleanup } from "../render/nftables.js";
import { generate } from "../rule-set.js";
import { compileSettings, type Settings } from "../settings.js";
import { configText } from "../settings-text.js";
import { type Command, failure, log, type Procedure, run } from "./procedure.js";
import { configureRoutes } from "./routes.js";

/** How nft older than 1.0.1 introduces itself. A version that looks like none is trusted, as the original does. */
const TOO_OLD = /^nftables v(?:0\.|1\.0\.0 )/;

/**
 * What istio-iptables does with `--native-nftables`: one transaction, then routes.
 *
 * A dry run applies all the same, as the original does.
 *
 * @throws {@link IptablesError} with the original's message.
 */
export function* applyWithNft(settings: Settings): Procedure<void> {
  yield* log("info", "native nftables enabled, using nft rules for traffic redirection.");
  if (settings.skipRuleApply) return;
  const { options, warnings } = compileSettings(settings, "strict");
  for (const warning of warnings) yield* log("warn", warning);
  yield* log("info", configText(settings));
  const text = settings.cleanupOnly ? renderNftablesCleanup() : renderNftables(generate(options));
  yield* findNft(settings.cniMode);
  yield* tryNft();
  yield* transact(text);
  yield* configureRoutes(settings);
  yield* log("info", `nftables rules programmed:\n${text}`);
}

/** Whether there is an nft program that is new enough. */
export function* findNft(cniMode: boolean): Procedure<void> {
  const version: Command = { program: "nft", args: ["--version"] };
  const asked = yield* run(version, true);
  if (asked.missing === true) {
    const where = cniMode ? "on the host filesystem" : "in the sidecar container image";
    const reason = `could not find nftables binary: ${failure(version, asked)}`;
    throw refuse(`nativeNftables is enabled, but the nft binary is missing ${where}: ${reason}`);
  }
  if (asked.exitCode !== 0) throw refuse(`could not run nftables command: ${asked.stderr.trim()}`);
  if (TOO_OLD.test(asked.stdout)) {
    throw refuse(`nft version must be v1.0.1 or later (got ${asked.stdout.trim()})`);
  }
}

/** What knftables tries before it trusts an nft program. */
function* tryNft(): Procedure<void> {
  const withComment = yield* check('add table inet test { comment "test" ; }\n');
  if (withComment === undefined) return;
  const plain = yield* check("add table inet test\n");
  if (plain !== undefined) throw refuse(`could not run nftables command: ${plain}`);
}

/** Asks nft whether it would take a text; the message if not. */
function* check(stdin: string): Procedure<string | undefined> {
  const result = yield* run({ program: "nft", args: ["--check", "-f", "-"], stdin }, true);
  return result.exitCode === 0 ? undefined : result.stderr.trim();
}

/** Runs one transaction; none when there is nothing to do. */
export function* transact(text: string): Procedure<void> {
  if (text === "") return;
  const result = yield* run({ program: "nft", args: ["-f", "-"], stdin: text });
  if (result.exitCode !== 0) throw refuse(`nftables run failed: ${result.stderr.trim()}`);
}

function refuse(message: string): IptablesError {
  return new IptablesError(
    message.startsWith("nftables run failed") ? "ERR_IPTABLES_APPLY" : "ERR_IPTABLES_NO_BACKEND",
    message,
  );
}

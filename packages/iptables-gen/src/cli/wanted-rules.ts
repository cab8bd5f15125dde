import { checkOptions } from "../check-options.js";
import { formatIssue, IptablesError } from "../errors.js";
import type { Options } from "../options.js";
import { generate, type RuleSet } from "../rule-set.js";
import { compileSettings } from "../settings.js";
import { type Input, settingsOf } from "./input.js";
import type { Terminal } from "./main.js";

/** Typed options and their rules. With `--strict-input`, values the kernel's tools would refuse are refused here. */
export function rulesOf(input: Input, terminal: Terminal): RuleSet {
  const { options, warnings } = compileSettings(settingsOf(input), input.compat);
  for (const warning of warnings) terminal.stderr(`${terminal.name}: ${warning}\n`);
  if (input.has("strict-input")) refuseInvalid(options);
  return generate(options);
}

/** Throws one error with every value that is refused. */
export function refuseInvalid(options: Options): void {
  const issues = checkOptions(options);
  const [first] = issues;
  if (first === undefined) return;
  const message = issues.map(formatIssue).join("\n");
  throw new IptablesError(first.code, message, { path: first.path, issues });
}

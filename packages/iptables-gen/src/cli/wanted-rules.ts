import { refuseInvalid } from "../check-options.js";
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

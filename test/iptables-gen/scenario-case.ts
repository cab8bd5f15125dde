import { applyWithIptables, type CommandResult, commandLine, IptablesError } from "@weftmesh/iptables-gen";
import type { Outcome } from "../conformance/suite.js";
import { compareAll } from "./compare.js";
import { type GoConfig, settingsOfGoConfig } from "./go-config.js";

/** One entry of `scenarios.json`: a saved state and commands that fail. */
export interface Scenario {
  readonly config: GoConfig;
  readonly iptablesSave: string;
  readonly ip6tablesSave: string;
  readonly commandsThatFail: { readonly exactBinary: readonly string[]; readonly lineContains: readonly string[] };
  readonly expectedError: string | null;
  readonly expectedCommands: readonly {
    readonly cmd: string;
    readonly quiet: boolean;
    readonly stdin?: string;
    readonly fails?: boolean;
  }[];
}

/** Runs the original's procedure against a machine that answers as the scenario says. */
export function runScenario(scenario: Scenario): Outcome {
  // A dry run uses the plain names, as the stub of the original's tests does.
  const procedure = applyWithIptables({ ...settingsOfGoConfig(scenario.config), dryRun: true });
  const commands: Scenario["expectedCommands"][number][] = [];
  let failed: string | null = null;
  try {
    let step = procedure.next();
    while (step.done !== true) {
      let result: CommandResult = { exitCode: 0, stdout: "", stderr: "" };
      if (step.value.kind === "run") {
        const { command, quiet } = step.value;
        const cmd = commandLine(command);
        const fails =
          scenario.commandsThatFail.exactBinary.includes(command.program) ||
          scenario.commandsThatFail.lineContains.some((part) => cmd.includes(part));
        const stdin = command.stdin?.trim();
        commands.push({ cmd, quiet, ...(stdin === undefined ? {} : { stdin }), ...(fails ? { fails } : {}) });
        const saves: Readonly<Record<string, string>> = {
          "iptables-save": scenario.iptablesSave,
          "ip6tables-save": scenario.ip6tablesSave,
        };
        result = { exitCode: fails ? 1 : 0, stdout: saves[cmd] ?? "", stderr: "" };
      }
      step = procedure.next(result);
    }
  } catch (error) {
    if (!(error instanceof IptablesError)) throw error;
    failed = error.message.trim();
  }
  return compareAll(
    ["commands", scenario.expectedCommands.map(trimmed), commands],
    ["error", scenario.expectedError, failed],
  );
}

function trimmed(command: Scenario["expectedCommands"][number]): Scenario["expectedCommands"][number] {
  return command.stdin === undefined ? command : { ...command, stdin: command.stdin.trim() };
}

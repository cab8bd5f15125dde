import { readFileSync } from "node:fs";
import { XdsError } from "../errors.js";
import { COMMAND_USAGE, USAGE } from "./help.js";
import { monitor } from "./monitor.js";
import { plan } from "./plan.js";
import { replay } from "./replay.js";
import { serve } from "./serve.js";
import { type Surroundings, UsageError } from "./surroundings.js";
import { watch } from "./watch.js";

const COMMANDS: Readonly<Record<string, (args: readonly string[], surroundings: Surroundings) => Promise<number>>> = {
  serve,
  watch,
  monitor,
  replay,
  plan,
};

/** Runs the command line; the result is the exit status. */
export async function main(surroundings: Surroundings): Promise<number> {
  const { argv, stdout, stderr } = surroundings;
  const [command, ...rest] = argv;
  if (argv.includes("--help") || argv.includes("-h")) {
    stdout(COMMAND_USAGE[command ?? ""] ?? USAGE);
    return 0;
  }
  if (argv.includes("--version")) {
    stdout(`${version()}\n`);
    return 0;
  }
  try {
    const run = command === undefined ? undefined : COMMANDS[command];
    if (run !== undefined) return await run(rest, surroundings);
    throw new UsageError(command === undefined ? "a command is needed" : `no command ${JSON.stringify(command)}`);
  } catch (error) {
    if (error instanceof UsageError) {
      stderr(`${error.message}\n`);
      if (command === undefined || COMMANDS[command] === undefined) stderr("weft-xds --help says more\n");
      return 2;
    }
    if (error instanceof XdsError) {
      stderr(`${error.message}\n`);
      return error.code === "ERR_XDS_BOOTSTRAP_INVALID" ? 2 : 1;
    }
    throw error;
  }
}

function version(): string {
  const manifest = new URL("../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(manifest, "utf8")) as { readonly version: string }).version;
}

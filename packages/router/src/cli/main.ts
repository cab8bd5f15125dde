import { readFileSync } from "node:fs";
import { bench, benchUsage } from "./bench.js";
import { check, checkUsage } from "./check.js";
import { explain, explainUsage } from "./explain.js";
import { type Output, UsageError } from "./io.js";

const usage = `usage: weft-route COMMAND [options]

Envoy's routing decisions on one's own tables.
  check    run router_check_tool's tests
  explain  show which route takes a request, and why
  bench    time a table

weft-route COMMAND --help says more. --version prints the version.
Example: weft-route explain -c routes.yaml -r 'GET http://shop/cart'`;

interface Command {
  readonly usage: string;
  run(args: readonly string[], output: Output): number;
}

const commands: ReadonlyMap<string, Command> = new Map([
  ["check", { usage: checkUsage, run: check }],
  ["explain", { usage: explainUsage, run: explain }],
  ["bench", { usage: benchUsage, run: bench }],
]);

/** Runs `weft-route`; gives the exit code. */
export function main(args: readonly string[], output: Output): number {
  const [name, ...rest] = args;
  if (name === undefined || name === "--help" || name === "-h") {
    output.stdout(`${usage}\n`);
    return name === undefined ? 2 : 0;
  }
  if (name === "--version") {
    output.stdout(`${version()}\n`);
    return 0;
  }
  const command = commands.get(name);
  if (command === undefined) {
    output.stderr(`unknown command ${JSON.stringify(name)}; weft-route --help lists the commands\n`);
    return 2;
  }
  if (rest.includes("--help") || rest.includes("-h")) {
    output.stdout(`${command.usage}\n`);
    return 0;
  }
  try {
    return command.run(rest, output);
  } catch (error) {
    const isArgument = error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
    if (!(error instanceof UsageError) && !isArgument) throw error;
    const { message } = error as Error;
    // Node's words, up to the advice that follows them.
    output.stderr(isArgument ? `${message.split(/\.\s|\n/)[0]}; see weft-route ${name} --help\n` : `${message}\n`);
    return 2;
  }
}

function version(): string {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    readonly version: string;
  };
  return manifest.version;
}

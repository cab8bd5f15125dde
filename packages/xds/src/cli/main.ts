import { readFileSync } from "node:fs";
import { XdsError } from "../errors.js";
import { serve } from "./serve.js";
import { type Surroundings, UsageError } from "./surroundings.js";
import { watch } from "./watch.js";

const USAGE = `usage: weft-xds COMMAND

  serve DIR        publish the YAML and JSON files of a folder to every client, and follow changes of the files
  watch SERVER TYPE [NAME…]
                   subscribe and print what changes; without names, everything

Options of serve:
  --listen ADDRESS   host:port or unix:PATH (default 127.0.0.1:15010)
Options of watch:
  --node ID          who to be (default weft-xds)
  --cluster NAME     the node's cluster
  --sotw             speak state of the world in place of delta
Options of both:
  --json             one JSON object a line
  --help, --version

Examples:
  weft-xds serve ./config
  weft-xds watch 127.0.0.1:15010 cluster
  weft-xds watch 127.0.0.1:15010 RDS shop --node sidecar-1 --json

Exit status: 0 ended on request · 1 failed while running · 2 wrong arguments or input
`;

/** Runs the command line; the result is the exit status. */
export async function main(surroundings: Surroundings): Promise<number> {
  const { argv, stdout, stderr } = surroundings;
  const [command, ...rest] = argv;
  if (argv.includes("--help") || argv.includes("-h")) {
    stdout(USAGE);
    return 0;
  }
  if (argv.includes("--version")) {
    stdout(`${version()}\n`);
    return 0;
  }
  try {
    switch (command) {
      case "serve":
        return await serve(rest, surroundings);
      case "watch":
        return await watch(rest, surroundings);
      default:
        throw new UsageError(command === undefined ? "a command is needed" : `no command ${JSON.stringify(command)}`);
    }
  } catch (error) {
    if (error instanceof UsageError) {
      stderr(`${error.message}\n`);
      if (command !== "serve" && command !== "watch") stderr("weft-xds --help says more\n");
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

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { runLint } from "./lint.js";
import { fileProblem, InputError, type Output } from "./output.js";
import { runSimulate } from "./simulate.js";

const USAGE = `usage: weft-lb simulate SCENARIO.yaml [--json] [--svg FILE] [--seed N] [--requests N]
       weft-lb lint CONFIG.yaml [--json] [--rps N] [--latency-ms N]

simulate  Plays a scenario in virtual time against each of its candidates and prints a table.
lint      Says what the clusters of a configuration mean in numbers. Clusters may be bare resources, a bootstrap,
          a discovery response or a configuration dump.

-         reads standard input instead of a file
--json    prints the report as JSON
--svg     also writes the latencies as a picture
--rps     requests per second to a cluster, for rules that need it

examples:
  weft-lb simulate scenarios/slow-host.yaml --svg slow-host.svg
  weft-lb lint envoy.yaml --rps 200 --latency-ms 40

Exit: 0 done (lint: nothing found), 1 lint found something, 2 bad input or usage`;

const HINT = "; weft-lb simulate SCENARIO.yaml or weft-lb lint CONFIG.yaml, see --help";

/** Runs the command line; returns the exit code. */
export async function main(argv: readonly string[], output: Output): Promise<number> {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        help: { type: "boolean", short: "h" },
        version: { type: "boolean" },
        json: { type: "boolean", default: false },
        svg: { type: "string" },
        seed: { type: "string" },
        requests: { type: "string" },
        rps: { type: "string" },
        "latency-ms": { type: "string" },
      },
    });
    if (values.version) {
      output.stdout(`${version()}\n`);
      return 0;
    }
    const [command, file, ...rest] = positionals;
    if (values.help) {
      output.stdout(`${USAGE}\n`);
      return 0;
    }
    if (command !== "simulate" && command !== "lint") {
      if (command !== undefined) throw new InputError(`unknown command ${JSON.stringify(command)}${HINT}`);
      output.stderr(`${USAGE}\n`);
      return 2;
    }
    if (file === undefined || rest.length > 0) {
      throw new InputError(`${command} takes one file, got ${positionals.length - 1}${HINT}`);
    }
    const text = readInput(file);
    if (command === "lint") {
      return await runLint(
        text,
        file,
        { json: values.json, ...numbers({ rps: values.rps, latencyMs: values["latency-ms"] }) },
        output,
      );
    }
    return await runSimulate(
      text,
      file,
      {
        json: values.json,
        ...(values.svg && { svg: values.svg }),
        ...numbers({ seed: values.seed, requests: values.requests }),
      },
      output,
    );
  } catch (error) {
    if (error instanceof InputError) output.stderr(`${error.message}\n`);
    else if (isUsageError(error)) output.stderr(`${error.message.split(/\.\s|\n/)[0]}${HINT}\n`);
    else throw error;
    return 2;
  }
}

/** The largest file that is read. */
const MAX_BYTES = 64 * 1024 * 1024;

function readInput(file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file === "-" ? 0 : file);
  } catch (error) {
    throw new InputError(`${file}: ${fileProblem(error)}`);
  }
  if (bytes.length > MAX_BYTES) throw new InputError(`${file}: ${bytes.length} bytes, more than ${MAX_BYTES}`);
  if (bytes.includes(0)) throw new InputError(`${file}: is a binary file`);
  return bytes.toString("utf8");
}

const OPTION_NAMES: Readonly<Record<string, string>> = { latencyMs: "latency-ms" };

function numbers<K extends string>(texts: Readonly<Record<K, string | undefined>>): { [P in K]?: number } {
  const values: { [P in K]?: number } = {};
  for (const [key, text] of Object.entries(texts) as [K, string | undefined][]) {
    if (text === undefined) continue;
    const value = Number(text);
    if (!Number.isFinite(value) || value < 0)
      throw new InputError(
        `--${OPTION_NAMES[key] ?? key}: must be a number of at least 0, got ${JSON.stringify(text)}`,
      );
    values[key] = value;
  }
  return values;
}

function isUsageError(error: unknown): error is Error {
  return error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
}

function version(): string {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  return manifest.version;
}

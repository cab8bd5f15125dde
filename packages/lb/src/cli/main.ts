import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { readInput } from "./input.js";
import { runLint } from "./lint.js";
import { InputError, type Output } from "./output.js";
import { runSimulate } from "./simulate.js";
import { type Command, HELP, HINT, USAGE } from "./usage.js";

const COMMON = {
  help: { type: "boolean", short: "h", default: false },
  version: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
} as const;
const TEXT = { type: "string" } as const;
const OPTIONS = {
  simulate: { ...COMMON, svg: TEXT, seed: TEXT, requests: TEXT },
  lint: { ...COMMON, rps: TEXT, "latency-ms": TEXT, zone: TEXT, callers: TEXT },
} as const;

/** Runs the command line; returns the exit code. */
export async function main(argv: readonly string[], output: Output): Promise<number> {
  try {
    const command = argv.find((each) => !each.startsWith("-"));
    if (command === "simulate") return await simulateCommand(argv, output);
    if (command === "lint") return await lintCommand(argv, output);
    if (command !== undefined && command !== "help") {
      throw new InputError(`unknown command ${JSON.stringify(command)}${HINT}`);
    }
    const { values } = parseArgs({ args: [...argv], allowPositionals: true, options: COMMON });
    if (values.version) output.stdout(`${version()}\n`);
    else if (values.help || command === "help") output.stdout(`${USAGE}\n`);
    else {
      output.stderr(`${USAGE}\n`);
      return 2;
    }
    return 0;
  } catch (error) {
    if (error instanceof InputError) output.stderr(`${error.message}\n`);
    else if (isUsageError(error)) output.stderr(`${error.message.split(/\.\s|\n/)[0]}${HINT}\n`);
    else throw error;
    return 2;
  }
}

async function simulateCommand(argv: readonly string[], output: Output): Promise<number> {
  const { values, positionals } = parseArgs({ args: [...argv], allowPositionals: true, options: OPTIONS.simulate });
  if (answered(values, "simulate", output)) return 0;
  const seed = numberOption("seed", values.seed, "a whole number from 0");
  const requests = numberOption("requests", values.requests, "a whole number from 1 to 20000000");
  if (values.svg === "") throw new InputError(`--svg: must name a file${HINT}`);
  const file = onlyFile(positionals);
  const command = {
    json: values.json,
    ...(values.svg !== undefined && { svg: values.svg }),
    ...(seed !== undefined && { seed }),
    ...(requests !== undefined && { requests }),
  };
  return await runSimulate(readInput(file), file, command, output);
}

async function lintCommand(argv: readonly string[], output: Output): Promise<number> {
  const { values, positionals } = parseArgs({ args: [...argv], allowPositionals: true, options: OPTIONS.lint });
  if (answered(values, "lint", output)) return 0;
  const requestsPerSecond = numberOption("rps", values.rps, "a number from 0");
  const latencyMs = numberOption("latency-ms", values["latency-ms"], "a number from 0");
  const file = onlyFile(positionals);
  const facts = {
    ...(requestsPerSecond !== undefined && { requestsPerSecond }),
    ...(latencyMs !== undefined && { latencyMs }),
    ...(values.zone !== undefined && { zone: values.zone }),
    ...(values.callers !== undefined && { callersPerZone: callers(values.callers) }),
  };
  return await runLint(readInput(file), file, { json: values.json, facts }, output);
}

function answered(values: { help: boolean; version: boolean }, command: Command, output: Output): boolean {
  if (values.version) output.stdout(`${version()}\n`);
  else if (values.help) output.stdout(`${HELP[command]}\n`);
  return values.version || values.help;
}

/** The one argument after the command. */
function onlyFile([command, file, ...rest]: readonly string[]): string {
  if (file !== undefined && rest.length === 0) return file;
  throw new InputError(`${command} takes one file, got ${file === undefined ? 0 : rest.length + 1}${HINT}`);
}

const FITS = {
  "a number from 0": (value: number) => value >= 0,
  "a whole number from 0": (value: number) => value >= 0 && Number.isSafeInteger(value),
  "a whole number from 1 to 20000000": (value: number) => value >= 1 && value <= 20_000_000 && Number.isInteger(value),
} as const;

function numberOption(name: string, text: string | undefined, must: keyof typeof FITS): number | undefined {
  if (text === undefined) return undefined;
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isFinite(value) && FITS[must](value)) return value;
  throw new InputError(`--${name}: must be ${must}, got ${JSON.stringify(text)}`);
}

/** `a=3,b=2` */
function callers(text: string): Record<string, number> {
  return Object.fromEntries(
    text.split(",").map((each) => {
      const [zone = "", count = "", ...rest] = each.split("=");
      const value = count === "" ? Number.NaN : Number(count);
      if (rest.length === 0 && Number.isInteger(value) && value >= 0) return [zone.trim(), value];
      throw new InputError(`--callers: must be ZONE=HOSTS,ZONE=HOSTS, got ${JSON.stringify(text)}`);
    }),
  );
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

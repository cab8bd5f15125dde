/** `npx pnpm start`: brings the shop up, tells the story, and judges it by what it measured. */
import { resolve } from "node:path";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { ConfigError } from "./config.js";
import { identityOf, PODS, pod, port } from "./layout.js";
import { CONFIG_FOLDER, Mesh } from "./mesh.js";
import { Report } from "./report.js";
import { STEPS } from "./steps.js";
import { runStep, type Step, type StepResult } from "./story.js";

const HELP = `Brings up a shop of four services in a mesh built from the weftmesh packages, tells a story in ${STEPS.length} steps, and
checks each step by what it measured.

  npx pnpm start                     the whole story
  npx pnpm start --only canary       one step, by name or number; may be given more than once
  npx pnpm start --serve             bring the shop up and keep it until Ctrl-C
  npx pnpm start --json              one JSON document on standard output, for machines

  --config FOLDER  serve the YAML of another folder; default examples/mesh/config
  --help           this text

Steps: ${STEPS.map(({ number, name }) => `${number} ${name}`).join(", ")}.
Exit code: 0 if no step failed, 1 if one did or the mesh could not start, 2 for bad arguments or bad YAML, 130 after Ctrl-C.
`;

interface Arguments {
  readonly steps: readonly Step[];
  readonly serve: boolean;
  readonly json: boolean;
  readonly config: string;
}

/** @throws TypeError in one line for arguments that are none. */
function readArguments(argv: readonly string[]): Arguments | "help" {
  const { values } = parseArgs({
    args: argv.filter((word) => word !== "--"),
    options: {
      only: { type: "string", multiple: true, default: [] },
      serve: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      config: { type: "string", default: CONFIG_FOLDER },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return "help";
  const wanted = values.only.flatMap((text) => text.split(","));
  for (const word of wanted) {
    if (!STEPS.some(({ name, number }) => word === name || word === String(number))) {
      throw new TypeError(`--only ${word}: expected one of ${STEPS.map(({ name }) => name).join(", ")}, or its number`);
    }
  }
  const chosen = STEPS.filter(({ name, number }) => wanted.includes(name) || wanted.includes(String(number)));
  const { serve, json, config } = values;
  return { steps: wanted.length === 0 ? STEPS : chosen, serve, json, config: resolve(config) };
}

async function main(): Promise<number> {
  let wanted: Arguments | "help";
  try {
    wanted = readArguments(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${(error as Error).message.split("\n")[0]}\n`);
    return 2;
  }
  if (wanted === "help") {
    process.stdout.write(HELP);
    return 0;
  }
  const { steps, serve, json, config } = wanted;
  // With --json standard output belongs to the document.
  const out = json ? process.stderr : process.stdout;
  const terminal = out.isTTY === true;
  const report = new Report({
    terminal,
    colour: terminal && process.env["NO_COLOR"] === undefined,
    columns: out.columns ?? 80,
    write: (text) => {
      if (!json || terminal) out.write(text);
    },
  });

  const started = performance.now();
  const seconds = (): number => Math.round((performance.now() - started) / 100) / 10;
  const interrupted = new Promise<"interrupted">((stop) => {
    process.once("SIGINT", () => stop("interrupted")).once("SIGTERM", () => stop("interrupted"));
  });
  let fall: (reason: Error) => void = () => {};
  const crashed = new Promise<never>((_, reject) => {
    fall = reject;
  });
  crashed.catch(() => {});
  let mesh: Mesh | undefined;
  try {
    mesh = new Mesh({
      configFolder: config,
      onCrash: ({ name, reason }) => {
        if (serve && mesh) restart(mesh, name, reason, report);
        else fall(new Error(reason));
      },
    });
    const up = mesh;
    const told = serve
      ? up
          .start()
          .then(() => announce(report))
          .then(() => interrupted)
      : up.start().then(() => tell(steps, up, report));
    const results = await Promise.race([told, crashed, interrupted]);
    if (results === "interrupted") {
      report.line("interrupted: everything is ended");
      return 130;
    }
    const ok = results.every(({ outcome }) => outcome !== "failed");
    report.table(results, seconds());
    if (json) process.stdout.write(`${JSON.stringify({ ok, seconds: seconds(), steps: results }, undefined, 2)}\n`);
    return ok ? 0 : 1;
  } catch (error) {
    report.clear();
    process.stderr.write(`${(error as Error).message}\n`);
    return error instanceof ConfigError ? 2 : 1;
  } finally {
    await mesh?.[Symbol.asyncDispose]();
  }
}

async function tell(steps: readonly Step[], mesh: Mesh, report: Report): Promise<readonly StepResult[]> {
  const results: StepResult[] = [];
  for (const step of steps) {
    const progress = (text: string): void => report.progress(`  ${step.number}. ${step.title}: ${text}`);
    progress("…");
    const result = await runStep(step, { mesh, progress });
    report.step(result);
    results.push(result);
  }
  return results;
}

function announce(report: Report): void {
  const at = port(pod("gateway"), "outbound");
  report.line("The shop is open. Through the sidecar of the gateway:");
  report.line(`  curl -H 'host: front' http://127.0.0.1:${at}/`);
  report.line("Ask a sidecar what it knows:");
  for (const each of PODS) {
    report.line(`  curl http://127.0.0.1:${port(each, "admin")}/stats    # ${each.name}, ${identityOf(each)}`);
  }
  report.line("Ctrl-C ends it.");
}

/** In a mesh that is to stay up, whoever falls over is started again. */
function restart(mesh: Mesh, name: string, reason: string, report: Report): void {
  report.line(`${reason}; starting it again`);
  setTimeout(() => {
    mesh.run(name).catch((error: Error) => restart(mesh, name, error.message, report));
  }, 1000);
}

process.exitCode = await main();
// A capture step that was interrupted may still hold a handle; everything that had to be ended has been.
process.exit();

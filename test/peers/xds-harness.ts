/**
 * The public xDS test harness, a client in Go that drives a server through an adapter. Nobody can install it: who has built
 * it says where it is (`--harness PATH`).
 */
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createServer, createSnapshotCache } from "@weftmesh/xds";
import { type Peer, startProgram } from "./peer.js";
import { startAdapter } from "./xds-harness/adapter.js";

const NODE = "test-id";

/** The variants and the steps each has at least: the harness exits with 0 even when it ran nothing. */
const VARIANTS = [
  { variant: "sotw non-aggregated", steps: 152 },
  { variant: "sotw aggregated", steps: 168 },
  { variant: "incremental non-aggregated", steps: 168 },
  { variant: "incremental aggregated", steps: 208 },
] as const;

/** All waits in it are fixed: five to six minutes a variant. */
const LIMIT_MS = 15 * 60_000;

/** What it writes of a variant to `results.json`. */
interface Results {
  readonly total: number;
  readonly passed: number;
  readonly failed: number;
  readonly failedScenarios:
    | readonly { readonly name: string; readonly failedStep: string; readonly error: string }[]
    | null;
}

export const peer: Peer = {
  name: "xds-harness",
  requires: [],
  async run({ harness, log }) {
    if (harness === undefined)
      return { passed: 0, failed: 0, skipped: "no --harness PATH names a built xds-test-harness" };
    const program = programIn(resolve(harness));
    // Against a server each, so that four times the fixed waits are one.
    const results = await Promise.all(VARIANTS.map((each) => runVariant(program, each.variant)));
    let passed = 0;
    let failed = 0;
    for (const [index, { variant, steps }] of VARIANTS.entries()) {
      const result = results[index];
      if (result === undefined) continue;
      const held = result.failed === 0 && result.passed === result.total && result.total >= steps;
      if (!held) failed += Math.max(1, result.failed);
      passed += result.passed;
      log(`${held ? "ok" : "FAIL"} ${variant}: ${result.passed} of ${result.total} steps, at least ${steps} expected`);
      for (const { name, failedStep, error } of result.failedScenarios ?? []) {
        log(`  ${name}: ${failedStep}: ${error}`);
      }
    }
    return { passed, failed };
  },
};

/** The program and its `features` folder; PATH names the program or the folder it was built in. */
function programIn(path: string): { readonly file: string; readonly features: string } {
  const file = statSync(path).isDirectory() ? join(path, "xds-test-harness") : path;
  const features = [dirname(file), dirname(dirname(file))].map((folder) => join(folder, "features"));
  const found = features.find((folder) => existsSync(join(folder, "delta.feature")));
  if (!existsSync(file)) throw new Error(`${file}: no such program; build the harness there`);
  if (found === undefined) throw new Error(`${file}: no features folder beside it`);
  return { file, features: found };
}

async function runVariant(
  { file, features }: { readonly file: string; readonly features: string },
  variant: string,
): Promise<Results> {
  const cache = createSnapshotCache();
  await using server = createServer({ cache });
  const port = await server.listen("127.0.0.1:0");
  const adapter = await startAdapter(cache);
  const folder = mkdtempSync(join(tmpdir(), "weft-xds-harness-"));
  try {
    // It reads ./features, not through a symbolic link, and writes its results beside it.
    cpSync(features, join(folder, "features"), { recursive: true });
    const args = ["-V", variant, "-N", NODE, "-T", `:${port}`, "-A", `:${adapter.port}`];
    await using harness = startProgram(file, args, { cwd: folder });
    const timer = new Promise<string>((end) => setTimeout(end, LIMIT_MS, "time limit").unref());
    const code = await Promise.race([harness.exited, timer]);
    const written = join(folder, "results.json");
    if (!existsSync(written)) throw new Error(`${variant}: no results (${code}):\n${harness.output().slice(-2000)}`);
    const [result] = (JSON.parse(readFileSync(written, "utf8")) as { readonly ResultsByVariant: readonly Results[] })
      .ResultsByVariant;
    if (result === undefined) throw new Error(`${variant}: results of no variant`);
    return result;
  } finally {
    adapter.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Measures one variant of one row, a round each time the parent asks. Started by `compare.ts`. */
import { calibrationLoop } from "./calibration.js";
import type { Measurement, Operation, Row } from "./row.js";

/** What a worker answers. `ready` comes once, then one `round` per request. */
export type Answer = { readonly ready: true } | { readonly value: number } | { readonly error: string };

const ROUND_NS = 25_000_000;
const WARM_UP_NS = 250_000_000;

let sink: unknown;

if (process.send !== undefined) await main(process.argv.slice(2));

async function main([file = "", rowIndex = "", variantIndex = ""]: readonly string[]): Promise<void> {
  try {
    const { rows } = (await import(file)) as { readonly rows: readonly Row[] };
    const row = rows[Number(rowIndex)];
    if (row === undefined) throw new Error(`no row ${rowIndex} in ${file}`);
    const measurement = await prepare(row, variantIndex);
    process.on("message", () => {
      void Promise.resolve(measurement.measure()).then(
        (value) => answer({ value }),
        (error: unknown) => answer({ error: describe(error) }),
      );
    });
    process.once("disconnect", () => {
      void Promise.resolve(measurement.close?.()).finally(() => process.exit(0));
    });
    answer({ ready: true });
  } catch (error) {
    answer({ error: describe(error) });
  }
}

async function prepare(row: Row, variantIndex: string): Promise<Measurement> {
  if (variantIndex === "calibration") return timed(await calibrationLoop.prepare(), 1, false);
  const index = Number(variantIndex);
  if (row.kind === "operation") {
    const variant = index === 0 ? row.ours : row.against[index - 1];
    if (variant === undefined) throw new Error(`no variant ${variantIndex} in ${row.name}`);
    return timed(await variant.prepare(), row.perCall ?? 1, row.awaited ?? false);
  }
  const variant = index === 0 ? row.ours : row.against[index - 1];
  if (variant === undefined) throw new Error(`no variant ${variantIndex} in ${row.name}`);
  return await variant.prepare();
}

/** Warms the operation up, finds how many calls fill a round, and times rounds of that many. */
async function timed(operation: Operation, perCall: number, awaited: boolean): Promise<Measurement> {
  // What preparing left behind is collected once. A collection before every round would do harm: no object of the
  // operation is alive then, so V8 forgets their shapes and throws away the code it had optimised for them.
  globalThis.gc?.();
  const run = async (calls: number): Promise<number> => {
    const before = process.cpuUsage();
    if (awaited) for (let i = 0; i < calls; i += 1) sink = await operation();
    else for (let i = 0; i < calls; i += 1) sink = operation();
    const used = process.cpuUsage(before);
    return (used.user + used.system) * 1000;
  };
  let calls = 1;
  let spent = 0;
  for (;;) {
    const ns = await run(calls);
    spent += ns;
    if (ns >= ROUND_NS / 2 && spent >= WARM_UP_NS) {
      calls = Math.max(1, Math.round((calls * ROUND_NS) / ns));
      break;
    }
    if (ns < ROUND_NS / 2) calls *= 2;
  }
  return {
    async measure() {
      const ns = await run(calls);
      if (sink === run) throw new Error("the operation returned the harness");
      return ns / calls / perCall;
    },
  };
}

function answer(message: Answer): void {
  process.send?.(message);
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

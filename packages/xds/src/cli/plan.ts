import { parseArgs } from "node:util";
import { formatPlan } from "../change-plan.js";
import { planSnapshots } from "../shell/plan-snapshots.js";
import { readPublication } from "./publication.js";
import { type Surroundings, UsageError, wrongArguments } from "./surroundings.js";

/** `weft-xds plan FROM TO` */
export async function plan(args: readonly string[], { stdout, stderr }: Surroundings): Promise<number> {
  const { values, positionals } = parse(args);
  const [from, to] = positionals;
  if (from === undefined || to === undefined || positionals.length > 2) {
    throw new UsageError("plan: two folders expected, the old and the new configuration");
  }
  const [before, after] = [from, to].map(readPublication);
  if (before === undefined || after === undefined) return 2;
  for (const line of [...before.errors, ...after.errors]) stderr(`${line}\n`);
  if (before.errors.length + after.errors.length > 0) return 2;
  const planned = planSnapshots(before.resources, after.resources);
  stdout(values.json ? `${JSON.stringify(planned)}\n` : formatPlan(planned));
  return planned.phases.some(({ dangling }) => dangling.length > 0) ? 1 : 0;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: { json: { type: "boolean", default: false } },
      allowPositionals: true,
    });
  } catch (error) {
    throw wrongArguments("plan", error);
  }
}

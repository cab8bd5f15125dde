/** `npx pnpm bench [NAME] [--check]`: runs the rows of `bench/*.bench.ts` and writes the results beside them. */
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { compare } from "./compare.js";
import { type Entry, merge, oneLine, thisRun, write } from "./report.js";
import type { Row } from "./row.js";

const USAGE = `usage: npx pnpm bench [NAME] [--check]

Runs bench/NAME.bench.ts, or every file, and writes bench/RESULTS.md and bench/results.json.
--check  exit 1 if a row misses its bar`;

const sources = new URL("../", import.meta.url);

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: args.filter((arg) => arg !== "--"),
    options: { check: { type: "boolean" }, help: { type: "boolean", short: "h" } },
    allowPositionals: true,
  });
  // Listed from the sources: a built file whose source is gone must not run.
  const files = readdirSync(sources)
    .filter((file) => file.endsWith(".bench.ts"))
    .map((file) => file.slice(0, -".bench.ts".length))
    .sort();
  const [name] = positionals;
  if (values.help === true) {
    console.log(`${USAGE}\nNames: ${files.join(", ")}`);
    return 0;
  }
  if (positionals.length > 1 || (name !== undefined && !files.includes(name))) {
    console.error(`${USAGE}\nNames: ${files.join(", ")}`);
    return 2;
  }
  const run = thisRun(name, new Date());
  const measured: Entry[] = [];
  let broken = 0;
  const chosen = name === undefined ? files : [name];
  for (const file of chosen) {
    const url = new URL(`./${file}.bench.js`, import.meta.url).href;
    const { rows } = (await import(url)) as { readonly rows: readonly Row[] };
    for (const [index, row] of rows.entries()) {
      try {
        for (const result of await compare(url, index, row)) {
          console.log(oneLine(result));
          measured.push({ ...result, file: `${file}.bench.ts`, run });
        }
      } catch (error) {
        broken += 1;
        console.log(`FAIL ${row.name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
  const json = fileURLToPath(new URL("results.json", sources));
  const markdown = fileURLToPath(new URL("RESULTS.md", sources));
  write(
    json,
    markdown,
    merge(
      json,
      measured,
      chosen.map((file) => `${file}.bench.ts`),
      files.map((file) => `${file}.bench.ts`),
    ),
  );
  const missed = measured.filter((entry) => !entry.ok).length;
  console.log(`${measured.length - missed} hold, ${missed} miss their bar, ${broken} failed to run`);
  return broken > 0 || (values.check === true && missed > 0) ? 1 : 0;
}

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type JournalEntry, replayJournal } from "../journal.js";
import { reasonOf, type Surroundings, UsageError, wrongArguments } from "./surroundings.js";

/** `weft-xds replay FILE` */
export async function replay(args: readonly string[], { stdout }: Surroundings): Promise<number> {
  const { values, positionals } = parse(args);
  const [file] = positionals;
  if (file === undefined || positionals.length > 1) throw new UsageError("replay: one journal expected");
  const journal = read(file);
  if (journal.length === 0) throw new UsageError(`${file}: there is nothing to replay`);
  const differences = replayJournal(journal);
  for (const { index, recorded, sent } of differences) {
    if (values.json) stdout(`${JSON.stringify({ kind: "difference", line: index + 1, recorded, sent })}\n`);
    else stdout(`${file}:${index + 1} recorded ${list(recorded)}, this build sends ${list(sent)}\n`);
  }
  const responses = journal.filter(({ kind }) => kind === "response").length;
  const summary = { responses, differences: differences.length };
  stdout(
    values.json
      ? `${JSON.stringify({ kind: "ended", ...summary })}\n`
      : `${responses} responses, ${differences.length} differ\n`,
  );
  return differences.length > 0 ? 1 : 0;
}

function read(file: string): readonly JournalEntry[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(`${file}: ${reasonOf(error)}`);
  }
  return text
    .split("\n")
    .map((line, index) => ({ line, index }))
    .filter(({ line }) => line !== "")
    .map(({ line, index }) => {
      try {
        return JSON.parse(line) as JournalEntry;
      } catch {
        throw new UsageError(`${file}:${index + 1}: not a line of a journal`);
      }
    });
}

function list(names: readonly string[]): string {
  return names.length === 0 ? "nothing" : names.join(" ");
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: { json: { type: "boolean", default: false } },
      allowPositionals: true,
    });
  } catch (error) {
    throw wrongArguments("replay", error);
  }
}

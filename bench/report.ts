import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { arch, cpus, platform, totalmem } from "node:os";
import type { Result } from "./compare.js";
import type { Spread } from "./spread.js";

/** Where and how the rows of one file were measured. */
export interface Run {
  readonly node: string;
  readonly machine: string;
  readonly date: string;
  readonly command: string;
}

/** A result with the file it comes from and the run that measured it. */
export interface Entry extends Result {
  readonly file: string;
  readonly run: Run;
}

/** The run that goes on now. */
export function thisRun(name: string | undefined, now: Date): Run {
  const all = cpus();
  return {
    node: process.version,
    machine: `${platform()} ${arch()}, ${all.length} × ${all[0]?.model.trim() ?? "unknown"}, ${Math.round(totalmem() / 2 ** 30)} GB`,
    date: now.toISOString().slice(0, 10),
    command: name === undefined ? "npx pnpm bench" : `npx pnpm bench ${name}`,
  };
}

/**
 * Joins what was measured with the committed results: entries of files that did not run this time stay as they are,
 * entries of files that no longer exist go.
 */
export function merge(
  path: string,
  measured: readonly Entry[],
  ran: readonly string[],
  files: readonly string[],
): readonly Entry[] {
  const old = existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as readonly Entry[]) : [];
  const kept = old.filter((entry) => files.includes(entry.file) && !ran.includes(entry.file));
  return [...kept, ...measured].sort((a, b) => files.indexOf(a.file) - files.indexOf(b.file));
}

/** Writes both forms: one for programs, one for readers. */
export function write(json: string, markdown: string, entries: readonly Entry[]): void {
  writeFileSync(json, `${JSON.stringify(entries, null, 2)}\n`);
  writeFileSync(markdown, render(entries));
}

function render(entries: readonly Entry[]): string {
  const sections = grouped(entries);
  const lines = [
    "# Benchmarks",
    "",
    "Written by `npx pnpm bench`. Every variant runs in its own process; the rounds of all variants of a row take turns.",
    "Median with quartiles. The ratio is the cost of ours over the cost of the peer (the inverse where higher is better),",
    "taken per round. An absolute bar is multiplied by how much slower than the reference machine the calibration loop runs.",
    "`ns` are nanoseconds of CPU time, garbage collection included.",
  ];
  for (const [file, of] of sections) {
    const run = of[0]?.run;
    lines.push("", `## ${file}`, "");
    if (run !== undefined) lines.push(`node ${run.node} · ${run.machine} · ${run.date} · \`${run.command}\``, "");
    lines.push("| row | ours | peer | ratio | bar | holds |", "| --- | --- | --- | --- | --- | --- |");
    for (const entry of of) lines.push(`| ${cells(entry).join(" | ")} |`);
  }
  return `${lines.join("\n")}\n`;
}

function grouped(entries: readonly Entry[]): ReadonlyMap<string, readonly Entry[]> {
  const files = [...new Set(entries.map((entry) => entry.file))];
  return new Map(files.map((file) => [file, entries.filter((entry) => entry.file === file)]));
}

function cells(entry: Entry): readonly string[] {
  const bar =
    entry.bar.kind === "ratio"
      ? `≤ ${entry.bar.max}`
      : `${entry.bar.max} ${entry.unit}${entry.scale === undefined ? "" : ` × ${entry.scale}`}`;
  return [
    entry.name,
    `${entry.oursName}: ${figure(entry.ours, entry.oursSpread, entry.unit)}`,
    `${entry.peerName}: ${figure(entry.peer, entry.peerSpread, entry.unit)}`,
    String(entry.ratio),
    bar,
    entry.ok ? "yes" : "**no**",
  ];
}

/** One line for the terminal. */
export function oneLine(entry: Result): string {
  const mark = entry.ok ? "ok  " : "MISS";
  const bar = entry.bar.kind === "ratio" ? `ratio ≤ ${entry.bar.max}` : `bar ${entry.bar.max} ${entry.unit}`;
  return `${mark} ${entry.name}: ${entry.oursName} ${figure(entry.ours, entry.oursSpread, entry.unit)}, ${entry.peerName} ${figure(entry.peer, entry.peerSpread, entry.unit)}, ratio ${entry.ratio} (${bar}${entry.scale === undefined ? "" : ` × ${entry.scale}`})`;
}

function figure(value: number, spread: Spread, unit: string): string {
  return `${value.toLocaleString("en-US")} ${unit} [${spread[0].toLocaleString("en-US")}–${spread[2].toLocaleString("en-US")}]`;
}

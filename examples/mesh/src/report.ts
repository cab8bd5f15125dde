import type { StepResult } from "./story.js";

/** Where the story is told. */
export interface Screen {
  /** Whether lines can be written over and coloured. */
  readonly terminal: boolean;
  readonly colour: boolean;
  readonly columns: number;
  write(text: string): void;
}

const COLOURS = { held: 32, failed: 31, "not shown": 33 } as const;
const MARKS = { held: "✓", failed: "✗", "not shown": "–" } as const;

/** Tells the story to people: what goes on, one line a step, a table at the end. */
export class Report {
  readonly #screen: Screen;
  #shown = "";
  #last = 0;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  /** Says what goes on now, in place, on a terminal only. */
  progress(text: string): void {
    const now = Date.now();
    if (!this.#screen.terminal || now - this.#last < 80) return;
    this.#last = now;
    this.#replace(text.slice(0, this.#screen.columns - 1));
  }

  /** Takes away what goes on. */
  clear(): void {
    this.#replace("");
  }

  /** Says one line that stays. */
  line(text: string): void {
    this.#replace("");
    this.#screen.write(`${text}\n`);
  }

  /** Says how a step ended. */
  step({ number, title, expected, measured, requests, outcome, failures, seconds }: StepResult): void {
    const over = requests > 0 ? ` (${requests} requests, ${seconds.toFixed(1)} s)` : "";
    this.line(`${this.#paint(outcome, MARKS[outcome])} ${number}. ${title}`);
    this.line(`     expected  ${expected}`);
    this.line(`     ${outcome === "not shown" ? "reason   " : "measured "} ${measured}${over}`);
    for (const failure of failures) this.line(`     failed    ${failure}`);
    this.line(`     ${this.#paint(outcome, outcome)}`);
  }

  /** Says everything once more in short. */
  table(results: readonly StepResult[], seconds: number): void {
    const rows = results.map(({ number, name, requests, outcome, seconds: took }) => [
      String(number),
      name,
      requests === 0 ? "" : String(requests),
      `${took.toFixed(1)} s`,
      outcome,
    ]);
    const all = [["", "step", "requests", "time", "outcome"], ...rows];
    const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
    this.line("");
    for (const row of all) {
      const cells = row.map((cell, column) =>
        column === 2 || column === 3 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      );
      this.line(`  ${cells.join("  ").trimEnd()}`);
    }
    const count = (outcome: StepResult["outcome"]): number => results.filter((each) => each.outcome === outcome).length;
    const summary = `${count("held")} held, ${count("failed")} failed, ${count("not shown")} not shown`;
    this.line(`\n${summary} in ${seconds.toFixed(1)} s`);
  }

  #replace(text: string): void {
    if (this.#shown !== "") this.#screen.write("\r\x1b[2K");
    if (text !== "") this.#screen.write(text);
    this.#shown = text;
  }

  #paint(outcome: StepResult["outcome"], text: string): string {
    return this.#screen.colour ? `\x1b[${COLOURS[outcome]}m${text}\x1b[0m` : text;
  }
}

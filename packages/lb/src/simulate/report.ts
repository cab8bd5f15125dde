/** Values below which a share of all lies. */
export interface Percentiles {
  /** Half of all. */
  readonly p50: number;
  /** 90 %. */
  readonly p90: number;
  /** 99 %. */
  readonly p99: number;
  /** 99.9 %. */
  readonly p999: number;
}

/** What one candidate came to. */
export interface CandidateReport {
  /** Its name. */
  readonly name: string;
  /** Latency in milliseconds at 50, 90, 99 and 99.9 percent of the requests that ended well. */
  readonly latencyMs: Percentiles;
  /** Requests that ended in a failure after all attempts. */
  readonly failures: number;
  /** Requests without a host. */
  readonly refused: number;
  /** Further attempts that were made. */
  readonly retries: number;
  /** Ejections of hosts, over all clients. */
  readonly ejections: number;
  /** Requests by host. */
  readonly requestsByHost: Readonly<Record<string, number>>;
  /** Spread of requests over hosts, by their weights: standard deviation over mean. 0 is perfectly fair. */
  readonly unfairness: number;
  /** Share of keys that had more than one host, 0–1; 0 without keys. */
  readonly keysMoved: number;
}

/** What a scenario came to. */
export interface SimulationReport {
  /** Its name. */
  readonly scenario: string;
  /** The seed it was played with. */
  readonly seed: number;
  /** Requests each candidate got. */
  readonly requests: number;
  /** In the order of the scenario. */
  readonly candidates: readonly CandidateReport[];
}

/** The value below which a share of sorted values lies. */
export function percentile(sorted: Float64Array, share: number): number {
  if (sorted.length === 0) return 0;
  const rank = Math.ceil(share * sorted.length) - 1;
  return sorted[Math.min(sorted.length - 1, Math.max(0, rank))] as number;
}

const COLUMNS = [
  "candidate",
  "p50",
  "p90",
  "p99",
  "p99.9",
  "failed",
  "refused",
  "retries",
  "ejected",
  "unfair",
  "moved",
];

/** The report as a table of text; the same report gives the same bytes. */
export function renderTable(report: SimulationReport): string {
  const rows = report.candidates.map((each) => [
    each.name,
    ...[each.latencyMs.p50, each.latencyMs.p90, each.latencyMs.p99, each.latencyMs.p999].map((ms) => ms.toFixed(1)),
    String(each.failures),
    String(each.refused),
    String(each.retries),
    String(each.ejections),
    each.unfairness.toFixed(3),
    `${(100 * each.keysMoved).toFixed(1)}%`,
  ]);
  const widths = COLUMNS.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? "").length)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  ")
      .trimEnd();
  const title = `${report.scenario}: ${report.requests} requests, seed ${report.seed}; latency in ms`;
  return [title, line(COLUMNS), ...rows.map(line), ""].join("\n");
}

const WIDTH = 720;
const ROW = 22;
const LEFT = 220;
const COLOURS = ["#4c78a8", "#72b7b2", "#f58518", "#e45756"];

/** The latencies of the report as a picture: a bar for each percentile, on a logarithmic scale. */
export function renderSvg(report: SimulationReport): string {
  const bars = report.candidates.flatMap(({ name, latencyMs }) =>
    (["p50", "p90", "p99", "p999"] as const).map((key, index) => ({ name, key, index, value: latencyMs[key] })),
  );
  const most = Math.max(1, ...bars.map((bar) => bar.value));
  const scale = (value: number): number =>
    Math.round(((WIDTH - LEFT - 80) * Math.log10(1 + value)) / Math.log10(1 + most));
  const height = 40 + bars.length * ROW;
  const shapes = bars.map(({ name, key, index, value }, position) => {
    const y = 32 + position * ROW;
    const label = index === 0 ? `<text x="8" y="${y + 14}">${escapeXml(name)}</text>` : "";
    const width = scale(value);
    return [
      label,
      `<text x="${LEFT - 48}" y="${y + 14}">${key === "p999" ? "p99.9" : key}</text>`,
      `<rect x="${LEFT}" y="${y + 2}" width="${width}" height="${ROW - 6}" fill="${COLOURS[index]}"/>`,
      `<text x="${LEFT + width + 6}" y="${y + 14}">${value.toFixed(1)} ms</text>`,
    ].join("");
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="12">`,
    `<text x="8" y="18" font-weight="bold">${escapeXml(report.scenario)}</text>`,
    ...shapes,
    "</svg>",
    "",
  ].join("\n");
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

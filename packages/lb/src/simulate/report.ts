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
  /** Attempts by host. */
  readonly requestsByHost: Readonly<Record<string, number>>;
  /** Smallest share of the attempts that one host got, 0–1. */
  readonly leastShare: number;
  /** Largest share of the attempts that one host got, 0–1. */
  readonly mostShare: number;
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
  "least",
  "most",
  "unfair",
  "moved",
];

/** A name for a table; what would break the line, or steer a terminal, is a blank. */
function oneLine(name: string): string {
  return name.replaceAll(/\p{Cc}+/gu, " ");
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}

/** The report as a table of text; the same report gives the same bytes. */
export function renderTable(report: SimulationReport): string {
  const rows = report.candidates.map((each) => [
    oneLine(each.name),
    ...[each.latencyMs.p50, each.latencyMs.p90, each.latencyMs.p99, each.latencyMs.p999].map((ms) => ms.toFixed(1)),
    String(each.failures),
    String(each.refused),
    String(each.retries),
    String(each.ejections),
    percent(each.leastShare),
    percent(each.mostShare),
    each.unfairness.toFixed(3),
    percent(each.keysMoved),
  ]);
  const widths = COLUMNS.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? "").length)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  ")
      .trimEnd();
  const title = `${oneLine(report.scenario)}: ${report.requests} requests, seed ${report.seed}; latency in ms`;
  return [title, line(COLUMNS), ...rows.map(line), ""].join("\n");
}

const WIDTH = 760;
const ROW = 22;
const TOP = 44;
/** For the name of a percentile, and for a value beside its bar. */
const KEY_WIDTH = 48;
const VALUE_WIDTH = 100;
/** About what a letter takes at the font's size; longer names are cut. */
const LETTER = 7;
const NAME_LETTERS = 40;
const BARS = [
  { key: "p50", label: "p50", colour: "#4c78a8" },
  { key: "p90", label: "p90", colour: "#72b7b2" },
  { key: "p99", label: "p99", colour: "#f58518" },
  { key: "p999", label: "p99.9", colour: "#e45756" },
] as const;

/** The latencies of the report as a picture: a bar for each percentile, on a logarithmic scale. */
export function renderSvg(report: SimulationReport): string {
  const names = report.candidates.map(({ name }) => cut(name));
  const left = 24 + KEY_WIDTH + LETTER * names.reduce((most, name) => Math.max(most, name.length), 0);
  const most = report.candidates.reduce((max, { latencyMs }) => Math.max(max, latencyMs.p999), 1);
  const scale = (value: number): number =>
    Math.round(((WIDTH - left - VALUE_WIDTH) * Math.log10(1 + value)) / Math.log10(1 + most));
  const height = TOP + 8 + report.candidates.length * BARS.length * ROW;
  const shapes = report.candidates.flatMap(({ latencyMs }, candidate) =>
    BARS.map(({ key, label, colour }, bar) => {
      const y = TOP + (candidate * BARS.length + bar) * ROW;
      const width = scale(latencyMs[key]);
      return [
        bar === 0 ? `<text x="8" y="${y + 14}">${escapeXml(names[candidate] ?? "")}</text>` : "",
        `<text x="${left - KEY_WIDTH}" y="${y + 14}">${label}</text>`,
        `<rect x="${left}" y="${y + 2}" width="${width}" height="${ROW - 6}" fill="${colour}"/>`,
        `<text x="${left + width + 6}" y="${y + 14}">${latencyMs[key].toFixed(1)} ms</text>`,
      ].join("");
    }),
  );
  const about = `latency of ${report.requests} requests, seed ${report.seed}; logarithmic scale`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="8" y="16" font-weight="bold">${escapeXml(report.scenario)}</text>`,
    `<text x="8" y="32" fill="#666666">${about}</text>`,
    ...shapes,
    "</svg>",
    "",
  ].join("\n");
}

function cut(name: string): string {
  return name.length > NAME_LETTERS ? `${name.slice(0, NAME_LETTERS - 1)}…` : name;
}

/** Text for XML 1.0, which knows no control characters and no halves of pairs. */
function escapeXml(text: string): string {
  return text
    .replaceAll(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, "\uFFFD")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

import { formatIssue } from "../errors.js";
import type { LocatedIssue } from "../text/document.js";
import { version } from "./help.js";

/** How problems are printed. */
export type ReportFormat = "text" | "json" | "github" | "sarif";

/** The formats there are. */
export const reportFormats: readonly ReportFormat[] = ["text", "json", "github", "sarif"];

/** `file:line:column path: problem (CODE)`. */
export function issueLine(issue: LocatedIssue): string {
  const severity = issue.severity === "warning" ? "warning: " : "";
  return `${issue.file}:${issue.line}:${issue.column} ${severity}${formatIssue(issue)}`;
}

/** A workflow command that GitHub shows beside the line. */
export function githubAnnotation(issue: LocatedIssue): string {
  const data = (text: string): string => text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
  const property = (text: string): string => data(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
  const place = `file=${property(issue.file)},line=${issue.line},col=${issue.column},title=${issue.code}`;
  return `::${issue.severity ?? "error"} ${place}::${data(formatIssue(issue))}`;
}

/** All problems as one SARIF 2.1.0 log. */
export function sarifLog(issues: readonly LocatedIssue[]): unknown {
  const rules = [...new Set(issues.map(({ code }) => code))].sort().map((id) => ({ id }));
  const results = issues.map((issue) => ({
    ruleId: issue.code,
    level: issue.severity ?? "error",
    message: { text: formatIssue(issue) },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: encodeURI(issue.file) },
          region: { startLine: issue.line, startColumn: issue.column },
        },
      },
    ],
  }));
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [{ tool: { driver: { name: "weft-types", version, rules } }, columnKind: "utf16CodeUnits", results }],
  };
}

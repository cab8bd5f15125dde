import type { Issue, Severities, Severity, XdsTypesErrorCode } from "../errors.js";
import { formatPlace, type Place } from "../json/context.js";

/** Gathers what is wrong with the message that is being checked. */
export class CheckContext {
  readonly issues: Issue[] = [];
  readonly #severities: Severities | undefined;

  constructor(severities: Severities | undefined) {
    this.#severities = severities;
  }

  /** Gives the problems from an index on, which concern the field of this full name, the severity the caller wants. */
  regrade(from: number, field: string): void {
    if (this.#severities === undefined) return;
    for (const issue of this.issues.splice(from)) {
      const wanted = severityOf(this.#severities, field) ?? severityOf(this.#severities, issue.code);
      if (wanted === "off") continue;
      const { severity, ...rest } = issue;
      const graded = wanted ?? severity;
      this.issues.push(graded === undefined || graded === "error" ? rest : { ...rest, severity: graded });
    }
  }

  /** Notes a problem. */
  add(code: XdsTypesErrorCode, place: Place | undefined, message: string, severity?: "warning"): void {
    this.issues.push({ code, path: formatPlace(place), message, ...(severity === undefined ? {} : { severity }) });
  }
}

function severityOf(severities: Severities, key: string): Severity | undefined {
  return Object.hasOwn(severities, key) ? severities[key] : undefined;
}

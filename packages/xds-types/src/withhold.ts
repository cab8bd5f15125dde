import type { Issue } from "./errors.js";

/**
 * Takes the values out of the issues from an index on: they lie in a field that the schema marks as sensitive, and a
 * report must not carry a key. Names and places stay.
 */
export function withhold(issues: Issue[], from: number): void {
  for (let index = from; index < issues.length; index++) {
    const issue = issues[index];
    if (issue === undefined || !showsValues.has(issue.code)) continue;
    issues[index] = {
      ...issue,
      message: "is not what this field takes; the value is withheld, the field is sensitive",
    };
  }
}

const showsValues: ReadonlySet<string> = new Set(["ERR_XDS_TYPES_JSON", "ERR_XDS_TYPES_RULE"]);

/** The first thing that is wrong with a scenario file: `path: problem`. */
export function checkScenario(data: unknown): string | undefined {
  if (!isRecord(data)) return ": must be a mapping";
  if (typeof data["name"] !== "string") return "name: must be a text";
  for (const field of ["requests", "requestsPerSecond"]) {
    if (!isPositive(data[field])) return `${field}: must be a number above 0, got ${JSON.stringify(data[field])}`;
  }
  for (const field of ["servers", "candidates"]) {
    const list = data[field];
    if (!Array.isArray(list) || list.length === 0) return `${field}: must be a list that is not empty`;
    const nameless = list.findIndex((each) => !isRecord(each) || typeof each["name"] !== "string");
    if (nameless >= 0) return `${field}[${nameless}].name: must be a text`;
  }
  const events = data["events"] ?? [];
  if (!Array.isArray(events)) return "events: must be a list";
  for (const [index, event] of events.entries()) {
    if (!isRecord(event) || typeof event["at"] !== "number") return `events[${index}].at: must be a number of seconds`;
    if (!Array.isArray(event["hosts"])) return `events[${index}].hosts: must be a list of names`;
  }
  return undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isPositive(value: unknown): boolean {
  return typeof value === "number" && Number.isFinite(value) && value > 0;
}

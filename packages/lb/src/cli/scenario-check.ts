/** A place in a scenario: keys and positions from the outside in. */
export type ScenarioPath = readonly (string | number)[];

/** Something that is wrong with a scenario. */
export interface ScenarioProblem {
  readonly path: ScenarioPath;
  readonly message: string;
}

/** What a field may hold. */
type Kind = "text" | "texts" | "flag" | "mapping" | "count" | "positive" | "not-negative" | "share" | readonly string[];
type Fields = Readonly<Record<string, Kind>>;

const BEHAVIOUR: Fields = {
  serviceMs: "not-negative",
  distribution: ["constant", "exponential"],
  concurrency: "count",
  failureRate: "share",
  failureMs: "not-negative",
};
const SERVER: Fields = {
  ...{ name: "text", count: "count", weight: "count", priority: "not-negative", zone: "text", metadata: "mapping" },
  ...BEHAVIOUR,
};
const HEALTH = ["UNKNOWN", "HEALTHY", "UNHEALTHY", "DRAINING", "TIMEOUT", "DEGRADED"];
const EVENT: Fields = { at: "not-negative", hosts: "texts", health: HEALTH, remove: "flag", add: "flag", ...BEHAVIOUR };
const CANDIDATE: Fields = { name: "text", cluster: "mapping", policy: ["peak_ewma"] };
const SCENARIO: Fields = {
  name: "text",
  seed: "not-negative",
  requests: "count",
  requestsPerSecond: "positive",
  arrivals: ["constant", "poisson"],
  clients: "count",
  retries: "not-negative",
  keys: "not-negative",
};
const LISTS = {
  servers: { fields: SERVER, required: ["name"], least: 1 },
  candidates: { fields: CANDIDATE, required: ["name"], least: 1 },
  events: { fields: EVENT, required: ["at", "hosts"], least: 0 },
} as const;

/** Everything that is wrong with a scenario file. */
export function checkScenario(data: unknown): readonly ScenarioProblem[] {
  if (!isRecord(data)) return [{ path: [], message: "must be a mapping" }];
  const { servers, candidates, events, ...own } = data;
  const problems = [...checkRecord(own, SCENARIO, ["name", "requests", "requestsPerSecond"], [])];
  for (const [field, list] of Object.entries({ servers, candidates, events: events ?? [] })) {
    const { fields, required, least } = LISTS[field as keyof typeof LISTS];
    if (!Array.isArray(list) || list.length < least) {
      problems.push({ path: [field], message: `must be a list${least > 0 ? " that is not empty" : ""}` });
      continue;
    }
    for (const [index, each] of list.entries()) {
      if (isRecord(each)) problems.push(...checkRecord(each, fields, required, [field, index]));
      else problems.push({ path: [field, index], message: "must be a mapping" });
    }
  }
  return problems;
}

function* checkRecord(
  record: Readonly<Record<string, unknown>>,
  fields: Fields,
  required: readonly string[],
  path: ScenarioPath,
): Iterable<ScenarioProblem> {
  for (const name of required) {
    if (record[name] === undefined) yield { path: [...path, name], message: "is required" };
  }
  for (const [name, value] of Object.entries(record)) {
    const kind = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (kind === undefined) yield { path: [...path, name], message: "is not known here" };
    else if (value !== undefined && !fits(value, kind)) {
      yield { path: [...path, name], message: `must be ${wordsFor(kind)}, got ${JSON.stringify(value)}` };
    }
  }
}

function fits(value: unknown, kind: Kind): boolean {
  if (typeof kind !== "string") return typeof value === "string" && kind.includes(value);
  const number = typeof value === "number" && Number.isFinite(value) ? value : Number.NaN;
  switch (kind) {
    case "text":
      return typeof value === "string" && value !== "";
    case "texts":
      return Array.isArray(value) && value.every((each) => typeof each === "string");
    case "flag":
      return typeof value === "boolean";
    case "mapping":
      return isRecord(value);
    case "count":
      return Number.isSafeInteger(number) && number >= 1;
    case "positive":
      return number > 0;
    case "not-negative":
      return number >= 0;
    case "share":
      return number >= 0 && number <= 1;
  }
}

function wordsFor(kind: Kind): string {
  if (typeof kind !== "string") return `one of ${kind.join(", ")}`;
  const words = {
    text: "a text",
    texts: "a list of names",
    flag: "true or false",
    mapping: "a mapping",
    count: "a whole number above 0",
    positive: "a number above 0",
    "not-negative": "a number of at least 0",
    share: "a number from 0 to 1",
  };
  return words[kind];
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

import { MAX_PRIORITY, MAX_WEIGHT } from "../host-check.js";
import { isRecord, shown } from "../option-shape.js";

/** A place in a scenario: keys and positions from the outside in. */
export type ScenarioPath = readonly (string | number)[];

/** Something that is wrong with a scenario. */
export interface ScenarioProblem {
  readonly path: ScenarioPath;
  readonly message: string;
}

/** Whole numbers from one to another. */
interface Whole {
  readonly from: number;
  readonly to: number;
}

/** What a field may hold. */
type Kind = "text" | "texts" | "flag" | "mapping" | "positive" | "not-negative" | "share" | readonly string[] | Whole;
type Fields = Readonly<Record<string, Kind>>;

/** How much may be played: what goes beyond takes more memory or time than anybody has for it. */
export const MAX_REQUESTS = 20_000_000;
const MAX_SERVERS = 100_000;
const MAX_CLIENTS = 10_000;
/** Of all servers with all clients, since each client keeps its own. */
const MAX_VIEWS = 2_000_000;

const BEHAVIOUR: Fields = {
  serviceMs: "not-negative",
  distribution: ["constant", "exponential"],
  failureRate: "share",
  failureMs: "not-negative",
};
const SERVER: Fields = {
  name: "text",
  count: { from: 1, to: MAX_SERVERS },
  weight: { from: 1, to: MAX_WEIGHT },
  priority: { from: 0, to: MAX_PRIORITY },
  zone: "text",
  metadata: "mapping",
  concurrency: { from: 1, to: 10_000 },
  ...BEHAVIOUR,
};
const HEALTH = ["UNKNOWN", "HEALTHY", "UNHEALTHY", "DRAINING", "TIMEOUT", "DEGRADED"];
const EVENT: Fields = { at: "not-negative", hosts: "texts", health: HEALTH, remove: "flag", add: "flag", ...BEHAVIOUR };
const SCENARIO: Fields = {
  name: "text",
  seed: { from: 0, to: Number.MAX_SAFE_INTEGER },
  requests: { from: 1, to: MAX_REQUESTS },
  requestsPerSecond: "positive",
  arrivals: ["constant", "poisson"],
  clients: { from: 1, to: MAX_CLIENTS },
  retries: { from: 0, to: 100 },
  keys: { from: 0, to: 10_000_000 },
};
const LISTS = ["servers", "events", "candidates"];
/** Candidates as {@link simulate} takes them, and as a file has them. */
const CANDIDATE: Readonly<Record<"options" | "file", Fields>> = {
  options: { name: "text", options: "mapping" },
  file: { name: "text", cluster: "mapping", policy: ["peak_ewma"] },
};

/** Everything that is wrong with a scenario. */
export function checkScenario(data: unknown, candidate: keyof typeof CANDIDATE): readonly ScenarioProblem[] {
  if (!isRecord(data)) return [{ path: [], message: "must be a mapping" }];
  const { servers, candidates, events = [], ...own } = data;
  const problems = [
    ...checkRecord(own, SCENARIO, ["name", "requests", "requestsPerSecond"], []),
    ...checkList(servers, { field: "servers", fields: SERVER, required: ["name"], least: 1 }),
    ...checkList(candidates, { field: "candidates", fields: CANDIDATE[candidate], required: ["name"], least: 1 }),
    ...checkList(events, { field: "events", fields: EVENT, required: ["at", "hosts"], least: 0 }),
  ];
  return problems.length > 0 ? problems : [...checkWhole(data)];
}

function checkList(
  list: unknown,
  { field, fields, required, least }: { field: string; fields: Fields; required: readonly string[]; least: number },
): ScenarioProblem[] {
  if (!Array.isArray(list) || list.length < least) {
    return [{ path: [field], message: `must be a list${least > 0 ? " that is not empty" : ""}` }];
  }
  // Holes of a list are entries like others.
  return Array.from(list).flatMap((each: unknown, index) =>
    isRecord(each)
      ? [...checkRecord(each, fields, required, [field, index])]
      : [{ path: [field, index], message: "must be a mapping" }],
  );
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
    if (kind === undefined) {
      const known = [...Object.keys(fields), ...(path.length === 0 ? LISTS : [])].join(", ");
      yield { path: [...path, name], message: `is not known here; known are ${known}` };
    } else if (value !== undefined && !fits(value, kind)) {
      yield { path: [...path, name], message: `must be ${wordsFor(kind)}, got ${shown(value)}` };
    }
  }
}

/** What each part allows and all together do not. */
function* checkWhole(data: Readonly<Record<string, unknown>>): Iterable<ScenarioProblem> {
  // Every part has passed its check.
  const { servers, candidates, events, clients } = data as {
    servers: { name: string; count?: number }[];
    candidates: { name: string }[];
    events?: { hosts: string[] }[];
    clients?: number;
  };
  yield* doubles(servers, "servers");
  yield* doubles(candidates, "candidates");
  const total = servers.reduce((sum, { count }) => sum + (count ?? 1), 0);
  if (total * (clients ?? 1) > MAX_VIEWS || total > MAX_SERVERS) {
    const message = `${total} servers, seen by ${clients ?? 1} clients: must be at most ${MAX_SERVERS} servers and ${MAX_VIEWS} views of one by a client`;
    yield { path: ["servers"], message };
    return;
  }
  const names = new Set<string>();
  for (const { name, count = 1 } of servers) {
    names.add(name);
    for (let index = 0; index < count; index++) names.add(`${name}-${index}`);
  }
  for (const [index, { hosts }] of (events ?? []).entries()) {
    for (const [position, host] of hosts.entries()) {
      const message = `names no server and no group of servers, got ${shown(host)}`;
      if (!names.has(host)) yield { path: ["events", index, "hosts", position], message };
    }
  }
}

function* doubles(list: readonly { readonly name: string }[], field: string): Iterable<ScenarioProblem> {
  const first = new Map<string, number>();
  for (const [index, { name }] of list.entries()) {
    const before = first.get(name);
    if (before === undefined) first.set(name, index);
    else yield { path: [field, index, "name"], message: `is the name of ${field}[${before}] too: ${shown(name)}` };
  }
}

function fits(value: unknown, kind: Kind): boolean {
  if (typeof kind === "object" && "from" in kind) {
    return Number.isSafeInteger(value) && (value as number) >= kind.from && (value as number) <= kind.to;
  }
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
    case "positive":
      return number > 0;
    case "not-negative":
      return number >= 0;
    case "share":
      return number >= 0 && number <= 1;
  }
}

function wordsFor(kind: Kind): string {
  if (typeof kind === "object" && "from" in kind) return `a whole number from ${kind.from} to ${kind.to}`;
  if (typeof kind !== "string") return `one of ${kind.join(", ")}`;
  const words = {
    text: "a text",
    texts: "a list of names",
    flag: "true or false",
    mapping: "a mapping",
    positive: "a number above 0",
    "not-negative": "a number of at least 0",
    share: "a number from 0 to 1",
  };
  return words[kind];
}

/** `servers[0].count` */
export function pathText(path: ScenarioPath): string {
  return path
    .map((each) => (typeof each === "number" ? `[${each}]` : `.${each}`))
    .join("")
    .replace(/^\./, "");
}

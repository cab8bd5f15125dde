/** Our side: the same tables, read as a user's file is read, and the same requests. */
import { networkInterfaces } from "node:os";
import {
  type ConnectionManager,
  compileConnectionManager,
  compileRoutes,
  fixedRandom,
  type RouteTable,
  type RuntimeValue,
} from "@weftmesh/router";
import { type Answer, answerTo, compare, expectedOf, type Request } from "../../conformance/router-answer.js";
import { readConnectionManager, readRouteConfiguration } from "../../conformance/router-input.js";
import type { Outcome } from "../../conformance/suite.js";
import { clusterNames, runtime } from "./bootstrap.js";
import { explain } from "./explained.js";
import type { Table } from "./rig.js";

/** One case. */
export interface Comparison {
  readonly title: string;
  readonly outcome: Outcome;
  /** Why a difference is none to mend. */
  readonly explained?: string;
}

/** A compiled table. */
export interface Ours {
  readonly table: RouteTable;
  readonly manager: ConnectionManager;
}

/** Our table, or the comparison if one of the two sides refuses it. */
export function compareVerdict(table: Table, refused: string | undefined): Ours | Comparison {
  const title = `table ${table.name}`;
  try {
    const ours = compile(table);
    if (refused === undefined) return ours;
    return { title, outcome: { ok: false, expected: `refused: ${refused}`, got: "accepted" } };
  } catch (error) {
    const got = error instanceof Error ? error.message : String(error);
    return { title, outcome: refused === undefined ? { ok: false, expected: "accepted", got } : { ok: true } };
  }
}

/** Compares what became of each request. */
export function compareAnswers(
  { name, routeConfig, filters }: Table,
  { table, manager }: Ours,
  requests: readonly Request[],
  answers: readonly Answer[],
): readonly Comparison[] {
  return requests.map((request, i): Comparison => {
    const title = `${name} ${JSON.stringify(request)}`;
    const answer = answers[i];
    if (answer === undefined) return { title, outcome: { ok: false, expected: "an answer", got: "none" } };
    // The HTTP/1 codec refused these before any of what the package does.
    if (answer.details?.startsWith("http1.") === true)
      return { title, outcome: { ok: true }, explained: "the codec refuses" };
    const expected = comparable(request, expectedOf(answer));
    const outcome = firstOf(expected, (random) =>
      comparable(request, answerTo(request, table, manager, routeConfig, random, filters)),
    );
    const explained = outcome.ok
      ? undefined
      : explain({ request, answer, parts: Object.keys(outcome.expected as object) });
    return explained === undefined ? { title, outcome } : { title, outcome, explained };
  });
}

/** How a tunnel ends is for its two ends to say; its request has no path, but a target. */
function comparable(request: Request, answer: Partial<Answer>): object {
  if (request.method !== "CONNECT" || answer.upstream === undefined) return answer;
  const upstream = { ...answer.upstream, path: "" };
  if (answer.status !== 200) return { ...answer, upstream };
  const headers = answer.headers?.filter(([name]) => name !== "content-length");
  return { ...answer, headers, upstream, flags: undefined, details: undefined };
}

/** Where chance decides, Envoy's answer must be one that some random value gives. */
function firstOf(expected: object, answer: (random: () => number) => object): Outcome {
  let first: Outcome | undefined;
  for (let chance = 0; chance < 300; chance++) {
    let drawn = false;
    const random = fixedRandom(chance);
    const draw = (): number => {
      drawn = true;
      return random();
    };
    const outcome = compare(expected, answer(draw));
    if (outcome.ok || !drawn) return first === undefined || outcome.ok ? outcome : first;
    first ??= outcome;
  }
  return first ?? { ok: true };
}

/** Both processes have the same. */
const environment: Readonly<Record<string, string>> =
  process.env["HOME"] === undefined ? {} : { HOME: process.env["HOME"] };

function compile({ routeConfig, hcm }: Table): Ours {
  const table = compileRoutes(readRouteConfiguration(routeConfig), {
    clusters: new Set(clusterNames),
    environment,
    validateClusters: true,
    runtime: (key) => (Object.hasOwn(runtime, key) ? (runtime[key] as RuntimeValue) : undefined),
  });
  const manager = compileConnectionManager(readConnectionManager(hcm), { environment, localAddress: localAddress() });
  return { table, manager };
}

/** The address that Envoy takes for its own: the first that is not the loopback's. */
function localAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return all.find(({ internal, family }) => !internal && family === "IPv4")?.address ?? "127.0.0.1";
}

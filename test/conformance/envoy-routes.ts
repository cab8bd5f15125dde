/** Route tables and requests that a real Envoy answered: everything but the HTTP/1 codec's own refusals must come out the same. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type ConnectionManager,
  compileConnectionManager,
  compileRoutes,
  fixedRandom,
  type RouteTable,
  type RuntimeValue,
} from "@weftmesh/router";
import { type Answer, answerTo, compare, expectedOf, type Request } from "./router-answer.js";
import { readConnectionManager, readRouteConfiguration } from "./router-input.js";
import type { Case, Outcome, Suite } from "./suite.js";

interface TableFile {
  readonly id: string;
  readonly hcm: Record<string, unknown>;
  readonly runtime: Record<string, RuntimeValue>;
  readonly route_config: Record<string, unknown>;
  readonly cases: readonly { readonly request: Request; readonly answer: Answer }[];
}

interface VerdictFile {
  readonly cases: readonly {
    readonly name: string;
    readonly accepted: boolean;
    readonly route_config: Record<string, unknown>;
  }[];
}

interface RejectedFile {
  readonly rejected: readonly { readonly id: string; readonly route_config: Record<string, unknown> }[];
}

const clusters: ReadonlySet<string> = new Set(["c0", "c1", "c2", "c3", "c4", "canary", "shadow"]);
const environment = { ORACLE_ENV: "from-env" };
// Where chance decides, the recorded answer must be one that some random value gives.
const chances = Array.from({ length: 300 }, (_, i) => i);

export const suite: Suite = {
  name: "envoy_routes",
  *cases(dir) {
    for (const name of readdirSync(dir).sort()) {
      if (!name.endsWith(".json")) continue;
      const file = JSON.parse(readFileSync(join(dir, name), "utf8")) as Partial<TableFile & VerdictFile & RejectedFile>;
      if (file.route_config !== undefined) yield* tableCases(name, file as TableFile);
      else if (file.rejected !== undefined) yield* rejectedCases(name, file as RejectedFile);
      else if (file.cases !== undefined) yield* verdictCases(name, file as VerdictFile);
      else yield { name, run: () => ({ ok: false, expected: "a known kind of file", got: Object.keys(file) }) };
    }
  },
};

function* tableCases(name: string, file: TableFile): Iterable<Case> {
  let compiled: { readonly table: RouteTable; readonly manager: ConnectionManager } | undefined;
  const compile = (): { readonly table: RouteTable; readonly manager: ConnectionManager } => {
    const runtime = (key: string): RuntimeValue | undefined =>
      Object.hasOwn(file.runtime, key) ? file.runtime[key] : undefined;
    const table = compileRoutes(readRouteConfiguration(file.route_config), { clusters, environment, runtime });
    const manager = compileConnectionManager(readConnectionManager(file.hcm), {
      environment,
      localAddress: "192.0.2.2",
    });
    return { table, manager };
  };
  for (const [i, { request, answer }] of file.cases.entries()) {
    const title = `${name} ${i}: ${request.method} ${request.path}`;
    // The HTTP/1 codec refused these before any of what this package does.
    if (answer.details?.startsWith("http1.") === true) {
      yield { name: `${title} (codec, out of scope)`, run: () => ({ ok: true }) };
      continue;
    }
    yield {
      name: title,
      run() {
        compiled ??= compile();
        const expected = expectedOf(answer);
        let first: Outcome | undefined;
        for (const chance of chances) {
          let drawn = false;
          const random = fixedRandom(chance);
          const draw = (): number => {
            drawn = true;
            return random();
          };
          const outcome = compare(
            expected,
            answerTo(request, compiled.table, compiled.manager, file.route_config, draw),
          );
          if (outcome.ok || !drawn) return first === undefined || outcome.ok ? outcome : first;
          first ??= outcome;
        }
        return first ?? { ok: true };
      },
    };
  }
}

function* verdictCases(name: string, file: VerdictFile): Iterable<Case> {
  for (const { name: title, accepted, route_config } of file.cases) {
    yield { name: `${name} ${title}`, run: () => compare({ accepted }, verdictOf(route_config)) };
  }
}

function* rejectedCases(name: string, file: RejectedFile): Iterable<Case> {
  for (const { id, route_config } of file.rejected) {
    yield { name: `${name} ${id}`, run: () => compare({ accepted: false }, verdictOf(route_config)) };
  }
}

function verdictOf(config: Record<string, unknown>): { readonly accepted: boolean; readonly reason?: string } {
  try {
    compileRoutes(readRouteConfiguration(config), { clusters, environment, validateClusters: true });
    return { accepted: true };
  } catch (error) {
    return { accepted: false, reason: String(error) };
  }
}

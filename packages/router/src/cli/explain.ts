import { parseArgs } from "node:util";
import { formatTrace } from "../explain.js";
import { fixedRandom } from "../random.js";
import { createRequest, type RouteRequest } from "../request.js";
import { type Output, UsageError } from "./io.js";
import { compileLoaded, readTables } from "./read.js";

/** How to call `weft-route explain`. */
export const explainUsage = `usage: weft-route explain --config FILE --request 'GET http://host/path' [-H 'name: value']... [options]

Shows which route takes a request, and why the others do not.
  -c, --config FILE     RouteConfiguration(s) or a bootstrap, in YAML or JSON; - for stdin
  -r, --request TEXT    method and URL
  -H, --header TEXT     a request field; may be repeated
      --random NUMBER   the request's random integer, default 0
      --json            one JSON document
Exit: 0 something takes the request, 1 nothing does, 2 bad input
Example: weft-route explain -c routes.yaml -r 'GET http://shop/cart' -H 'x-canary: 1'`;

/** Runs the command. */
export function explain(args: readonly string[], output: Output): number {
  const { values } = parseArgs({
    args: [...args],
    options: {
      config: { type: "string", short: "c" },
      request: { type: "string", short: "r" },
      header: { type: "string", short: "H", multiple: true, default: [] },
      random: { type: "string", default: "0" },
      json: { type: "boolean", default: false },
    },
  });
  if (values.config === undefined || values.request === undefined)
    throw new UsageError("explain needs --config and --request");
  const random = Number(values.random);
  if (!Number.isInteger(random) || random < 0)
    throw new UsageError(`--random: expected a whole number, got ${values.random}`);
  const request = readRequest(values.request, values.header);
  let taken = false;
  const traces = readTables(values.config).map((loaded) => {
    const table = compileLoaded(loaded);
    const trace = table.explain(request, { random: fixedRandom(random), now: 0 });
    taken ||= trace.decision.kind !== "no-route";
    return { table: table.name, trace };
  });
  if (values.json) output.stdout(`${JSON.stringify(traces.map(plain), null, 2)}\n`);
  else output.stdout(`${traces.map(({ table, trace }) => `table ${table}\n${formatTrace(trace)}`).join("\n\n")}\n`);
  return taken ? 0 : 1;
}

type Traced = { readonly table: string; readonly trace: ReturnType<ReturnType<typeof compileLoaded>["explain"]> };

function plain({ table, trace }: Traced): object {
  const { decision, ...rest } = trace;
  const route = decision.kind === "no-route" ? undefined : decision.route;
  const summary = { kind: decision.kind, route, virtualHost: decision.virtualHost?.name };
  switch (decision.kind) {
    case "forward":
      return {
        table,
        ...rest,
        decision: { ...summary, cluster: decision.cluster, timeouts: decision.timeouts, request: decision.request() },
      };
    case "redirect":
      return { table, ...rest, decision: { ...summary, status: decision.status, location: decision.location } };
    case "direct-response":
      return { table, ...rest, decision: { ...summary, status: decision.status, details: decision.details } };
    case "no-route":
      return { table, ...rest, decision: { ...summary, reason: decision.reason } };
  }
}

/** Reads `GET http://host/path`. */
export function readRequest(text: string, fields: readonly string[]): RouteRequest {
  const [method, url, ...rest] = text.trim().split(/\s+/);
  const readable = /^(https?:\/\/|\/|\*$)/i.test(url ?? "") || method === "CONNECT";
  if (method === undefined || url === undefined || rest.length > 0 || !readable) {
    throw new UsageError(`--request: expected 'GET http://host/path', got ${JSON.stringify(text)}`);
  }
  const headers = fields.map((field): [string, string] => {
    const colon = field.indexOf(":", 1);
    if (colon < 0) throw new UsageError(`--header: expected 'name: value', got ${JSON.stringify(field)}`);
    return [field.slice(0, colon).trim(), field.slice(colon + 1).trim()];
  });
  return createRequest({ method, url, headers });
}

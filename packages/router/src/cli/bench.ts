import { parseArgs } from "node:util";
import { fixedRandom } from "../random.js";
import { readRequest } from "./explain.js";
import { type Output, UsageError } from "./io.js";
import { compileLoaded, readTables } from "./read.js";

/** How to call `weft-route bench`. */
export const benchUsage = `usage: weft-route bench --config FILE --request 'GET http://host/path' [-H 'name: value']... [options]

Times how long one's own table takes to decide a request, and how its routes are found.
  -c, --config FILE     RouteConfiguration(s) or a bootstrap; - for stdin
  -r, --request TEXT    method and URL
  -H, --header TEXT     a request field; may be repeated
      --json            one JSON document
Exit: 0, or 2 for bad input
Example: weft-route bench -c routes.yaml -r 'GET http://shop/cart'`;

const rounds = 15;
const perRound = 20_000;

/** Runs the command. */
export function bench(args: readonly string[], output: Output): number {
  const { values } = parseArgs({
    args: [...args],
    options: {
      config: { type: "string", short: "c" },
      request: { type: "string", short: "r" },
      header: { type: "string", short: "H", multiple: true, default: [] },
      json: { type: "boolean", default: false },
    },
  });
  if (values.config === undefined || values.request === undefined)
    throw new UsageError("bench needs --config and --request");
  const request = readRequest(values.request, values.header);
  const context = { random: fixedRandom(0), now: 0 };
  const results = readTables(values.config).map((loaded) => {
    const start = performance.now();
    const table = compileLoaded(loaded);
    const compileMs = performance.now() - start;
    const times = Array.from({ length: rounds }, () => {
      const from = performance.now();
      for (let i = 0; i < perRound; i++) table.route(request, context);
      return ((performance.now() - from) * 1e6) / perRound;
    }).sort((a, b) => a - b);
    return { table: table.name, compileMs, nsPerRequest: times[rounds >> 1] ?? 0, hosts: table.stats() };
  });
  if (values.json) output.stdout(`${JSON.stringify(results, null, 2)}\n`);
  else {
    for (const { table, compileMs, nsPerRequest, hosts } of results) {
      output.stdout(
        `table ${table}: compiled in ${compileMs.toFixed(1)} ms, ${nsPerRequest.toFixed(0)} ns a request (median of ${rounds})\n`,
      );
      for (const host of hosts) {
        const how = host.scanned
          ? "scanned"
          : `${host.exact} by path, ${host.prefix} by prefix, ${host.patterns} patterns together, ${host.residual} always tested`;
        output.stdout(`  ${host.virtualHost}: ${host.routes} routes, ${how}\n`);
      }
    }
  }
  return 0;
}

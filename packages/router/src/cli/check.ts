import { parseArgs } from "node:util";
import { checkRoutes, formatTestFailure, type RouteCheckReport } from "../check/check-routes.js";
import { type Output, UsageError } from "./io.js";
import { readTables, readTests } from "./read.js";

/** How to call `weft-route check`. */
export const checkUsage = `usage: weft-route check -c CONFIG -t TESTS [options]

Runs router_check_tool's tests against a route table.
  -c, --config-path FILE    RouteConfiguration, or a bootstrap with one, in YAML or JSON; - for stdin
  -t, --test-path FILE      tests in YAML or JSON
  -d, --details             name every test
      --only-show-failures  name failing tests only
  -f, --fail-under PERCENT  fail if fewer routes are covered
      --covall              count every assertion of a route
      --detailed-coverage   name the routes that no test reached
      --disable-deprecation-check  accepted; deprecated fields are never refused
      --json                one JSON document
Exit: 0 all passed, 1 a test failed or coverage is too low, 2 bad input
Example: weft-route check -c routes.yaml -t tests.yaml --details`;

/** Runs the command. */
export function check(args: readonly string[], output: Output): number {
  const { values } = parseArgs({
    args: [...args],
    options: {
      "config-path": { type: "string", short: "c" },
      "test-path": { type: "string", short: "t" },
      details: { type: "boolean", short: "d", default: false },
      "only-show-failures": { type: "boolean", default: false },
      "fail-under": { type: "string", short: "f", default: "0" },
      covall: { type: "boolean", default: false },
      "detailed-coverage": { type: "boolean", default: false },
      "disable-deprecation-check": { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
  const config = values["config-path"];
  const tests = values["test-path"];
  if (config === undefined || tests === undefined) throw new UsageError("check needs --config-path and --test-path");
  const failUnder = Number(values["fail-under"]);
  if (Number.isNaN(failUnder)) throw new UsageError(`--fail-under: expected a percentage, got ${values["fail-under"]}`);
  const tables = readTables(config);
  const [table] = tables;
  if (table === undefined || tables.length > 1)
    throw new UsageError(`${config}: expected one RouteConfiguration, got ${tables.length}`);
  const list = readTests(tests);
  const report = table.guard(() => checkRoutes(table.config, list));
  const percent = values.covall ? report.coverage.allPercent : report.coverage.percent;
  if (values.json) output.stdout(`${JSON.stringify(report, null, 2)}\n`);
  else print(report, values, percent, output);
  return report.passed && percent >= failUnder ? 0 : 1;
}

interface PrintOptions {
  readonly details: boolean;
  readonly "only-show-failures": boolean;
  readonly covall: boolean;
  readonly "detailed-coverage": boolean;
}

function print(report: RouteCheckReport, options: PrintOptions, percent: number, output: Output): void {
  for (const { name, failures } of report.results) {
    const shown = options["only-show-failures"] ? failures.length > 0 : options.details;
    if (shown) output.stdout(`${name}\n`);
    if (shown || !options.details) for (const failure of failures) output.stderr(`${formatTestFailure(failure)}\n`);
  }
  if (!report.passed) return;
  if (options.covall || options["detailed-coverage"]) {
    for (const missing of report.coverage.missing) output.stdout(`Missing test for route: ${missing}\n`);
  }
  output.stdout(`Current route coverage: ${percent}%\n`);
}

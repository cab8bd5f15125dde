import { parseArgs } from "node:util";
import { checkRoutes, formatTestFailure, type RouteCheckReport } from "../check/check-routes.js";
import { type Output, UsageError } from "./io.js";
import { chooseTable, readTables } from "./read.js";
import { readTests } from "./test-reader.js";

/** How to call `weft-route check`. */
export const checkUsage = `usage: weft-route check -c CONFIG -t TESTS [options]

Runs router_check_tool's tests against a route table.
  -c, --config-path FILE    RouteConfiguration, or a bootstrap with one, in YAML or JSON; - for stdin
  -t, --test-path FILE      tests in YAML or JSON; in text proto if the name ends in .pb_text, .textproto, .txtpb or .pbtxt
      --table NAME          which table, if the file holds several
  -d, --details             name every test
      --only-show-failures  name failing tests only
  -f, --fail-under PERCENT  fail if fewer routes are covered
      --covall              count every assertion of a route
      --detailed-coverage   show the routes that no test reached
      --disable-deprecation-check  accepted; deprecated fields are never refused
      --json                one JSON document
Exit: 0 all passed, 1 a test failed or coverage is too low, 2 bad input
Example: weft-route check -c routes.yaml -t tests.yaml --details

A test file:
  tests:
  - test_name: the canary is asked for
    input: { authority: shop, path: /cart, method: GET, additional_request_headers: [{ key: x-canary, value: "1" }] }
    validate: { cluster_name: cart-v2, path_rewrite: /v1/cart }`;

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
      "output-path": { type: "string", short: "o" },
      table: { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  const config = values["config-path"];
  const tests = values["test-path"];
  if (config === undefined || tests === undefined)
    throw new UsageError("Both --config-path/c and --test-path/t are mandatory");
  if (values["output-path"] !== undefined)
    throw new UsageError("--output-path: the tool's binary results are not written here; use --json");
  const failUnder = Number(values["fail-under"]);
  if (values["fail-under"].trim() === "" || Number.isNaN(failUnder))
    throw new UsageError(`--fail-under: expected a percentage, got ${values["fail-under"]}`);
  const table = chooseTable(readTables(config), values.table, config);
  const list = readTests(tests);
  const report = table.guard(() => checkRoutes(table.config, list));
  const percent = values.covall ? report.coverage.allPercent : report.coverage.percent;
  if (values.json) output.stdout(`${JSON.stringify(report, null, 2)}\n`);
  else print(report, values, percent, output);
  if (report.passed && percent < failUnder) {
    output.stderr(`Failed to meet coverage requirement: ${sixDigits(failUnder)}%\n`);
  }
  return report.passed && percent >= failUnder ? 0 : 1;
}

interface PrintOptions {
  readonly details: boolean;
  readonly "only-show-failures": boolean;
  readonly covall: boolean;
  readonly "detailed-coverage": boolean;
}

/** The tool's lines; where it says nothing of a failure, the failure is shown all the same. */
function print(report: RouteCheckReport, options: PrintOptions, percent: number, output: Output): void {
  for (const { name, failures } of report.results) {
    if (failures.length > 0) output.stderr(`${[name, ...failures.map(formatTestFailure)].join("\n")}\n`);
    else if (options.details && !options["only-show-failures"]) output.stdout(`${name}\n`);
  }
  if (!report.passed) return;
  if (options.covall || options["detailed-coverage"]) {
    for (const { virtualHost, match } of report.coverage.missing)
      output.stdout(`Missing test for host: ${virtualHost}, route: ${match}\n`);
  }
  output.stdout(`Current route coverage: ${sixDigits(percent)}%\n`);
}

/** A number as C++ streams print it. */
function sixDigits(value: number): string {
  return String(Number(value.toPrecision(6)));
}

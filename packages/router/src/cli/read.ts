import { parseResources } from "@weftmesh/xds-types";
import type { Listener } from "@weftmesh/xds-types/envoy/config/listener/v3";
import type { HeaderMatcher, RouteConfiguration } from "@weftmesh/xds-types/envoy/config/route/v3";
import type { RouteTest } from "../check/test-file.js";
import { compileRoutes } from "../complete.js";
import { RouterError } from "../errors.js";
import type { TypedConfig } from "../extension.js";
import type { RouteOptions } from "../route-table.js";
import { readText, UsageError } from "./io.js";

const tableType = "envoy.config.route.v3.RouteConfiguration";
const managerType = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

/** A route table of the user's, with a way to tell where its problems stand. */
export interface LoadedTable {
  readonly config: RouteConfiguration;
  /** Throws a {@link UsageError} with every problem's place if compiling `run` refuses the table. */
  guard<T>(run: () => T): T;
}

type Parsed = ReturnType<typeof parseResources>;
type Resource = Parsed["resources"][number];

/** Reads every route table of a file: a RouteConfiguration alone, several, or those inside the listeners of a bootstrap. */
export function readTables(file: string): readonly LoadedTable[] {
  const text = readText(file);
  const bare =
    /^\s*["']?(?:virtual_hosts|virtualHosts)["']?\s*:/m.test(text) &&
    !/^\s*["']?(?:static_resources|staticResources)/m.test(text);
  const parsed = parseResources(text, bare ? { file, type: tableType } : { file });
  failOn(parsed);
  const tables = parsed.resources.flatMap((resource) => tablesOf(resource, parsed));
  if (tables.length === 0) throw new UsageError(`${file}: holds no RouteConfiguration`);
  return tables;
}

function failOn(parsed: Parsed): void {
  const errors = parsed.issues.filter((issue) => issue.severity !== "warning");
  if (errors.length === 0) return;
  throw new UsageError(
    errors.map((one) => `${one.file}:${one.line}:${one.column} ${one.path}: ${one.message} (${one.code})`).join("\n"),
  );
}

function tablesOf(resource: Resource, parsed: Parsed): readonly LoadedTable[] {
  if (resource.typeUrl.endsWith(tableType))
    return [loaded(resource.message as RouteConfiguration, resource, parsed, "")];
  if (!resource.typeUrl.endsWith(".Listener")) return [];
  const out: LoadedTable[] = [];
  const listener = resource.message as Listener;
  listener.filterChains?.forEach((chain, i) => {
    chain.filters?.forEach((filter, j) => {
      const config = filter.typedConfig as TypedConfig | undefined;
      if (config?.typeUrl?.endsWith(managerType) !== true) return;
      const table = (config.message as { readonly routeConfig?: RouteConfiguration } | undefined)?.routeConfig;
      const path = `filter_chains[${i}].filters[${j}].typed_config.route_config`;
      if (table !== undefined) out.push(loaded(table, resource, parsed, path));
    });
  });
  return out;
}

function loaded(config: RouteConfiguration, resource: Resource, parsed: Parsed, prefix: string): LoadedTable {
  return {
    config,
    guard(run) {
      try {
        return run();
      } catch (error) {
        if (!(error instanceof RouterError)) throw error;
        const lines = error.issues.map((issue) => {
          const path = prefix === "" ? issue.path : `${prefix}.${issue.path}`;
          const at = parsed.locate(resource, path);
          return `${at.file}:${at.line}:${at.column} ${path}: ${issue.message} (${issue.code})`;
        });
        throw new UsageError(lines.join("\n"));
      }
    },
  };
}

/** Compiles a user's table. */
export function compileLoaded(table: LoadedTable, options: RouteOptions = {}): ReturnType<typeof compileRoutes> {
  return table.guard(() => compileRoutes(table.config, options));
}

/** Reads a test file of router_check_tool, in YAML or JSON. */
export function readTests(file: string): readonly RouteTest[] {
  const parsed = parseResources(readText(file), { file, type: "google.protobuf.Struct" });
  failOn(parsed);
  const { tests } = (parsed.resources[0]?.message ?? {}) as { readonly tests?: readonly RouteTest[] };
  if (!Array.isArray(tests)) throw new UsageError(`${file}: holds no list named tests`);
  return tests.map((test, i) => {
    const { input, validate } = test as Partial<RouteTest>;
    if (input === undefined || validate === undefined)
      throw new UsageError(`${file}: tests[${i}] needs input and validate`);
    for (const field of ["authority", "path", "method"] as const) {
      if (typeof input[field] !== "string") throw new UsageError(`${file}: tests[${i}].input.${field}: expected text`);
    }
    return {
      test_name: (test as RouteTest).test_name ?? `tests[${i}]`,
      input,
      validate: {
        ...validate,
        ...matchers("request_header_matches", validate.request_header_matches, file, i),
        ...matchers("response_header_matches", validate.response_header_matches, file, i),
      },
    };
  });
}

function matchers(field: string, list: readonly unknown[] | undefined, file: string, test: number): object {
  if (list === undefined) return {};
  const read = list.map((one, i): HeaderMatcher => {
    const parsed = parseResources(JSON.stringify(one), { type: "envoy.config.route.v3.HeaderMatcher" });
    const [issue] = parsed.issues;
    if (issue !== undefined)
      throw new UsageError(`${file}: tests[${test}].validate.${field}[${i}]: ${issue.message} (${issue.code})`);
    return (parsed.resources[0]?.message ?? {}) as HeaderMatcher;
  });
  return { [field]: read };
}

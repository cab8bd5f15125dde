import { parseResources } from "@weftmesh/xds-types";
import type { Listener } from "@weftmesh/xds-types/envoy/config/listener/v3";
import type { RouteConfiguration } from "@weftmesh/xds-types/envoy/config/route/v3";
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

/** The one table that is meant: the only one, or the one of that name. */
export function chooseTable(tables: readonly LoadedTable[], name: string | undefined, file: string): LoadedTable {
  const found = name === undefined ? tables : tables.filter(({ config }) => (config.name ?? "") === name);
  const [table] = found;
  if (table !== undefined && found.length === 1) return table;
  const names = tables.map(({ config }) => JSON.stringify(config.name ?? "")).join(", ");
  const wanted = name === undefined ? "one table, or --table NAME" : `one table named ${JSON.stringify(name)}`;
  throw new UsageError(`${file}: expected ${wanted}; it has ${names}`);
}

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
    errors
      .map((one) => `${one.file}:${one.line}:${one.column}${one.path && ` ${one.path}`}: ${one.message} (${one.code})`)
      .join("\n"),
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
          return `${at.file}:${at.line}:${at.column}${path && ` ${path}`}: ${issue.message} (${issue.code})`;
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

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type LocatedIssue, parseResources } from "@weftmesh/xds-types";
import { describe, expect, test } from "vitest";
import { conformanceDir } from "../conformance/suite.js";

const routeConfiguration = "envoy.config.route.v3.RouteConfiguration";

function errors(text: string, type = routeConfiguration): readonly LocatedIssue[] {
  return parseResources(text, { type }).issues.filter((issue) => issue.severity !== "warning");
}

function json<T>(...path: readonly string[]): T {
  return JSON.parse(readFileSync(join(...path), "utf8")) as T;
}

/** The field that Envoy's validation error names last, in the proto's spelling. */
function culprit(reason: string): string | undefined {
  const field = [...reason.matchAll(/ValidationError\.([A-Za-z0-9]+)/g)].at(-1)?.[1];
  return field?.replaceAll(/(?<=[a-z0-9])[A-Z]/g, "_$&").toLowerCase();
}

/** Envoy's words for what its loader and its PGV checks refuse; everything else it refuses is meaning. */
const meaning = /requirement violation/;
const structure = /Proto constraint validation failed|ValidationError|invalid JSON|INVALID_ARGUMENT|unknown fields/;

interface Refused {
  readonly name: string;
  readonly reason: string;
  readonly text: string;
}

function expectRefused({ reason, text }: Refused): void {
  const found = errors(text);
  expect(found, reason).not.toEqual([]);
  const field = culprit(reason);
  if (field === undefined) expect(found[0]?.path, reason).not.toBe("");
  // A missing member of a oneof has the oneof's name, which stands in the sentence.
  else
    expect(
      found.some(({ path, message }) => `${path} ${message}`.includes(field)),
      `${field}: ${reason}`,
    ).toBe(true);
}

const dir = { check: conformanceDir("router_check"), routes: conformanceDir("envoy_routes") };
const missing =
  existsSync(dir.check) && existsSync(dir.routes) ? undefined : "(no conformance data beside the repository)";

describe.skipIf(missing !== undefined)(`what Envoy says of public configurations ${missing ?? ""}`, () => {
  const folders = ["config", "config_impl"].map((name) => join(dir.check, name)).filter((path) => existsSync(path));
  const tables = folders.flatMap((path) =>
    readdirSync(path)
      .filter((name) => name.endsWith(".yaml"))
      .map((name) => join(path, name)),
  );

  test.each(tables)("loads %s", (file) => {
    expect(errors(readFileSync(file, "utf8"))).toEqual([]);
  });

  test("loads the tables, listeners and policies that were recorded with their answers", () => {
    let loaded = 0;
    const load = (value: unknown, type?: string): void => {
      expect(errors(JSON.stringify(value), type)).toEqual([]);
      loaded += 1;
    };
    for (const name of readdirSync(dir.routes).filter((each) => /^t\d+\.json$/.test(each))) {
      load(json<{ readonly route_config: unknown }>(dir.routes, name).route_config);
    }
    const { listeners, rejected } = json<Record<"listeners" | "rejected", { readonly filter_chains: unknown }[]>>(
      conformanceDir("envoy_filter_chain"),
      "listeners.json",
    );
    // Those that Envoy refuses, it refuses for what the chains mean together.
    for (const { filter_chains } of [...listeners, ...rejected])
      load({ filter_chains }, "envoy.config.listener.v3.Listener");
    const { policies } = json<{ readonly policies: readonly { readonly rbac: unknown; readonly hcm: object }[] }>(
      conformanceDir("envoy_rbac"),
      "policies.json",
    );
    for (const { rbac, hcm } of policies) {
      load(rbac, "envoy.extensions.filters.http.rbac.v3.RBAC");
      load(
        { stat_prefix: "x", rds: { config_source: { ads: {} } }, ...hcm },
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
      );
    }
    expect(loaded).toBeGreaterThan(400);
  }, 60_000);

  const verdicts =
    missing === undefined
      ? json<{
          readonly cases: readonly { name: string; accepted: boolean; reason?: string; route_config: unknown }[];
        }>(dir.routes, "verdicts.json").cases
      : [];
  test.each(verdicts.filter(({ accepted }) => accepted))("accepts $name", ({ route_config }) => {
    expect(errors(JSON.stringify(route_config))).toEqual([]);
  });

  const refused = verdicts
    .filter(({ accepted, reason }) => !accepted && structure.test(reason ?? "") && !meaning.test(reason ?? ""))
    .map(
      ({ name, reason, route_config }): Refused => ({ name, reason: reason ?? "", text: JSON.stringify(route_config) }),
    );
  test.each(refused)("refuses $name and names the culprit", expectRefused);

  // Some of Envoy's own tests only say that it throws; of these, one is about the format of a header's value.
  const own = folders.flatMap((path) => {
    const file = join(path, "REJECTED.json");
    if (!existsSync(file)) return [];
    return json<readonly { readonly test: string; readonly message: string; readonly yaml: string }[]>(file)
      .filter(
        (each) =>
          structure.test(each.message) || (each.message === "" && !each.test.endsWith("CustomHeaderWrongFormat")),
      )
      .map((each): Refused => ({ name: each.test, reason: each.message, text: each.yaml }));
  });
  test.each(own)("refuses $name and names the culprit", expectRefused);
});

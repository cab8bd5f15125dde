/** An Envoy that serves one listener for each route table, and tells what it did with each request. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Answer, Request } from "../../conformance/router-answer.js";
import { startEnvoy } from "../envoy.js";
import { clusters, type Json, listenerOf, runtime } from "./bootstrap.js";
import { type Arrival, startUpstream } from "./upstream.js";
import { Wire, type WireAnswer } from "./wire.js";

/** A route table with the settings of its connection manager. */
export interface Table {
  /** Unique, also over batches. */
  readonly name: string;
  /** The RouteConfiguration as ProtoJSON. */
  readonly routeConfig: Json;
  /** Fields of the HttpConnectionManager besides. */
  readonly hcm: Json;
  /** Filters between CORS and the router: `fault`, `rbac`, `limit`. */
  readonly filters: readonly string[];
}

/** The Envoy and its upstream. */
export interface Rig extends AsyncDisposable {
  /** Envoy's words for the tables it refuses, by name. */
  readonly refused: ReadonlyMap<string, string>;
  /** What Envoy does with requests to a table, in their order. */
  ask(table: string, requests: readonly Request[]): Promise<Answer[]>;
}

/** A line of the access log; what is empty is left out. */
interface LogLine {
  readonly case?: string;
  readonly route?: string;
  readonly virtual_cluster?: string;
  readonly cluster?: string;
  readonly flags?: string;
  readonly details?: string;
}

interface DumpedListeners {
  readonly configs?: readonly { readonly name: string; readonly error_state?: { readonly details?: string } }[];
}

interface ListenerList {
  readonly listener_statuses?: readonly {
    readonly name: string;
    readonly local_address: { readonly socket_address: { readonly port_value: number } };
  }[];
}

/** The log is written a moment after the answer. */
const LOG_MS = 3_000;

/** Starts Envoy. Tables come by a discovery service, so that one it refuses leaves the others alone. */
export async function startRig(tables: readonly Table[]): Promise<Rig> {
  const folder = mkdtempSync(join(tmpdir(), "weftmesh-router-"));
  const file = join(folder, "lds.json");
  const logOf = (table: string): string => join(folder, `${table}.log`);
  const resources = tables.map((table) => listenerOf(table, logOf(table.name)));
  writeFileSync(file, JSON.stringify({ version_info: "1", resources }));
  const upstream = await startUpstream();
  const dispose = async (): Promise<void> => {
    await upstream[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  };
  const bootstrap = {
    node: { id: "peer", cluster: "peer" },
    dynamic_resources: { lds_config: { path_config_source: { path: file }, resource_api_version: "V3" } },
    static_resources: { clusters: clusters(upstream.port) },
    layered_runtime: { layers: [{ name: "static", static_layer: runtime }] },
  };
  const envoy = await startEnvoy(bootstrap, ["--file-flush-interval-msec", "20"]).catch(async (error: unknown) => {
    await dispose();
    throw error;
  });
  const dump = JSON.parse(await envoy.admin("/config_dump?resource=dynamic_listeners")) as DumpedListeners;
  const refused = new Map(
    (dump.configs ?? []).flatMap(({ name, error_state: error }) =>
      error === undefined ? [] : [[name, error.details ?? "no reason"] as const],
    ),
  );
  const list = JSON.parse(await envoy.admin("/listeners?format=json")) as ListenerList;
  const ports = new Map(
    (list.listener_statuses ?? []).map(({ name, local_address }) => [name, local_address.socket_address.port_value]),
  );
  return {
    refused,
    async ask(table, requests) {
      const port = ports.get(table);
      if (port === undefined) throw new Error(`Envoy has no listener ${table}`);
      using wire = new Wire(port);
      const seen: { readonly id: string; readonly answer: WireAnswer; readonly upstream: Arrival | undefined }[] = [];
      for (const request of requests) {
        const id = caseOf(request);
        seen.push({ id, answer: await wire.exchange(request), upstream: upstream.take(id) });
      }
      const lines = await linesOf(logOf(table), requests.length);
      const byCase = new Map(lines.map((line) => [line.case, line]));
      // What the codec refuses has no fields yet, so its line cannot say which case it was; but lines are in order.
      const unknown = lines.filter((line) => line.case === undefined);
      return seen.map(({ id, answer, upstream: arrival }) =>
        answerOf(answer, arrival, byCase.get(id) ?? unknown.shift()),
      );
    },
    async [Symbol.asyncDispose]() {
      await envoy[Symbol.asyncDispose]();
      await dispose();
    },
  };
}

/** The header that tells requests apart, in the access log and upstream. */
export function caseOf(request: Request): string {
  return request.headers.find(([name]) => name === "x-case")?.[1] ?? "";
}

async function linesOf(file: string, count: number): Promise<readonly LogLine[]> {
  let lines: LogLine[] = [];
  for (const deadline = performance.now() + LOG_MS; performance.now() < deadline; await sleep(10)) {
    const text = readFileSync(file, "latin1").trimEnd();
    const all = text === "" ? [] : text.split("\n").map((line) => JSON.parse(line) as LogLine);
    // Each hop of an internal redirect has its line; the last one counts.
    lines = all.filter((line) => line.details !== "internal_redirect");
    if (lines.length >= count) break;
  }
  return lines;
}

function answerOf(answer: WireAnswer, arrival: Arrival | undefined, line: LogLine | undefined): Answer {
  const headers = answer.headers.filter(([name]) => name !== "date" && name !== "x-envoy-upstream-service-time");
  const { case: _, ...logged } = line ?? {};
  return {
    ...logged,
    status: answer.status,
    headers,
    body: answer.body,
    // An earlier hop may have reached the upstream before the answer was made here.
    ...(arrival === undefined || !/^(via_upstream|upstream_reset|downstream_remote)/.test(logged.details ?? "")
      ? {}
      : { upstream: arrival }),
  };
}

/** An Envoy whose clusters are to be compared with ours, and a client that learns which host it chose. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type RunningEnvoy, startEnvoy } from "../envoy.js";
import { assignmentOf } from "./endpoints.js";

/** A message as ProtoJSON. */
export type Json = Readonly<Record<string, unknown>>;

/** A request as far as a balancer looks at it. */
export interface RigRequest {
  /** The cluster it is for. */
  readonly cluster: string;
  /** What the route hashes. */
  readonly key?: string;
  /** Which of {@link RigOptions.matches} or {@link RigOptions.routes} the route carries. */
  readonly match?: string;
  /** Further headers, in order. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** Path with query. Default: `/`. */
  readonly path?: string;
}

/** What Envoy is started with. */
export interface RigOptions {
  /** Clusters with their endpoints. */
  readonly clusters: readonly Json[];
  /** Endpoints by cluster, delivered by EDS; such a cluster has no `load_assignment`. */
  readonly assignments?: Readonly<Record<string, Json>>;
  /** `envoy.lb` metadata of routes, by name. */
  readonly matches?: Readonly<Record<string, Json>>;
  /** What routes say beside their cluster, by name: retries, other hash policies. */
  readonly routes?: Readonly<Record<string, Json>>;
  /** HTTP filters before the router. */
  readonly filters?: readonly Json[];
  /** What is learnt of each request, as a format of Envoy. Default: the host. */
  readonly report?: string;
  /** Where Envoy stands and which cluster is its own. */
  readonly local?: { readonly zone: string; readonly cluster: string };
}

/**
 * Where nobody listens at the hosts, Envoy answers for itself, and its answer names the host it chose; hosts that
 * answer name themselves the same way.
 */
export interface Rig extends AsyncDisposable {
  /** Where Envoy takes requests, on 127.0.0.1. */
  readonly port: number;
  /** The hosts Envoy chooses, in the order of the requests; `-` for none. */
  picks(requests: readonly RigRequest[], connections?: number): Promise<string[]>;
  /** Delivers endpoints and waits until Envoy uses them. */
  assign(cluster: string, assignment: Json): Promise<void>;
}

const CONFIG = "type.googleapis.com/envoy.config";
const HTTP_MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
const ASSIGN_TIMEOUT_MS = 10_000;
/** A cluster whose only host has the newest version in its address. */
const MARKER = "marker";
/** Requests on their way on one connection; Envoy takes them one after the other. */
const PIPELINED = 200;

/** Starts Envoy with these clusters. */
export async function startRig(options: RigOptions): Promise<Rig> {
  const folder = mkdtempSync(join(tmpdir(), "weftmesh-lb-"));
  let version = 0;
  const fileOf = (cluster: string): string => join(folder, `${cluster}.json`);
  const write = (cluster: string, assignment: Json): void => {
    const resource = { "@type": `${CONFIG}.endpoint.v3.ClusterLoadAssignment`, ...assignment, cluster_name: cluster };
    version += 1;
    writeFileSync(`${fileOf(cluster)}.new`, JSON.stringify({ version_info: `${version}`, resources: [resource] }));
    // Envoy watches for files that are moved into place, so that it never reads half of one.
    renameSync(`${fileOf(cluster)}.new`, fileOf(cluster));
  };
  const assignments: Readonly<Record<string, Json>> = { ...options.assignments, [MARKER]: markerOf(0) };
  for (const [cluster, assignment] of Object.entries(assignments)) write(cluster, assignment);
  const marker = { name: MARKER, common_lb_config: { update_merge_window: "0s" } };
  const clusters = [...options.clusters, marker].map((cluster: Json) => {
    if (assignments[cluster["name"] as string] === undefined) return cluster;
    const path_config_source = { path: fileOf(cluster["name"] as string) };
    return { ...cluster, type: "EDS", eds_cluster_config: { eds_config: { path_config_source } } };
  });
  let envoy: RunningEnvoy;
  try {
    envoy = await startEnvoy({
      node: { id: "peer", cluster: "peer", ...(options.local && { locality: { zone: options.local.zone } }) },
      ...(options.local && {
        cluster_manager: { local_cluster_name: options.local.cluster },
      }),
      static_resources: { listeners: [listener(options)], clusters },
    });
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  const listenerPort = await envoy.listenerPort("in");
  const updates = async (cluster: string): Promise<number> => {
    const stats = await envoy.admin(`/stats?filter=^cluster.${cluster}.update_success$`);
    return Number(/: (\d+)/.exec(stats)?.[1]);
  };
  return {
    port: listenerPort,
    async picks(requests, connections = 1) {
      const share = Math.ceil(requests.length / connections);
      const parts = Array.from({ length: connections }, (_, i) => requests.slice(i * share, (i + 1) * share));
      return (await Promise.all(parts.map((part) => pipeline(listenerPort, part)))).flat();
    },
    async assign(cluster, assignment) {
      const deadline = performance.now() + ASSIGN_TIMEOUT_MS;
      const until = async (holds: () => Promise<boolean>): Promise<void> => {
        while (!(await holds())) {
          if (performance.now() > deadline)
            throw new Error(`Envoy took no endpoints for ${cluster}: ${envoy.output()}`);
          await sleep(5);
        }
      };
      const before = await updates(cluster);
      write(cluster, assignment);
      await until(async () => (await updates(cluster)) > before);
      // Counted on the main thread; the worker has a queue, and is done with this one when it uses the next.
      const address = markerAddress(version);
      write(MARKER, markerOf(version));
      const chosen = async (): Promise<string> => (await pipeline(listenerPort, [{ cluster: MARKER }])).join();
      await until(async () => (await chosen()).startsWith(`${address}:`));
    },
    async [Symbol.asyncDispose]() {
      await envoy[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function markerAddress(version: number): string {
  return `127.8.${version >> 8}.${version & 255}`;
}

function markerOf(version: number): Json {
  return assignmentOf([{ hosts: [{ address: markerAddress(version) }] }]);
}

function listener({ matches = {}, routes = {}, filters = [], report = "%UPSTREAM_HOST%" }: RigOptions): Json {
  const route = { cluster_header: "x-cluster", hash_policy: [{ header: { header_name: "x-key" } }] };
  const named = { ...routes };
  for (const [name, metadata] of Object.entries(matches)) {
    named[name] = { metadata_match: { filter_metadata: { "envoy.lb": metadata } } };
  }
  const matched = Object.entries(named).map(([name, more]) => ({
    match: { prefix: "/", headers: [{ name: "x-match", string_match: { exact: name } }] },
    route: { ...route, ...more },
  }));
  const manager = {
    "@type": `type.googleapis.com/${HTTP_MANAGER}`,
    stat_prefix: "in",
    local_reply_config: { body_format: { text_format_source: { inline_string: `host=${report};` } } },
    route_config: {
      name: "r",
      virtual_hosts: [{ name: "v", domains: ["*"], routes: [...matched, { match: { prefix: "/" }, route }] }],
    },
    http_filters: [...filters, { name: "envoy.filters.http.router", typed_config: { "@type": ROUTER } }],
  };
  return {
    name: "in",
    address: { socket_address: { address: "127.0.0.1", port_value: 0 } },
    filter_chains: [{ filters: [{ name: "hcm", typed_config: manager }] }],
  };
}

/**
 * Sends requests without waiting for answers, which come in their order. Envoy ends a connection whose requests it
 * answered without choosing a host; the rest then goes over another one, request by request.
 */
async function pipeline(port: number, requests: readonly RigRequest[]): Promise<string[]> {
  const hosts: string[] = [];
  for (let window = PIPELINED; hosts.length < requests.length; window = 1) {
    const before = hosts.length;
    await sendFrom(port, requests, hosts, window);
    if (hosts.length === before) throw new Error(`no answer to request ${before} of ${requests.length}`);
  }
  return hosts;
}

/** Sends what has no answer yet, and adds the answers, until all are there or the connection ends. */
function sendFrom(port: number, requests: readonly RigRequest[], hosts: string[], window: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let sent = hosts.length;
    let rest = "";
    const send = (): void => {
      let text = "";
      for (; sent < requests.length && sent - hosts.length < window; sent++) {
        text += requestText(requests[sent] as RigRequest);
      }
      if (text !== "") socket.write(text);
    };
    socket.setNoDelay(true);
    socket.setTimeout(30_000, () => socket.destroy(new Error("Envoy does not answer")));
    socket.on("data", (chunk) => {
      const parts = (rest + chunk.toString("latin1")).split(/host=([^;]*);/);
      rest = parts.at(-1) ?? "";
      for (let i = 1; i < parts.length; i += 2) hosts.push(parts[i] as string);
      if (hosts.length === requests.length) socket.end();
      else if (sent - hosts.length <= window / 2) send();
    });
    socket.on("error", reject);
    socket.on("close", () => resolve());
    send();
  });
}

function requestText({ cluster, key, match, headers = [], path = "/" }: RigRequest): string {
  const lines = [`GET ${path} HTTP/1.1`, "host: x", `x-cluster: ${cluster}`];
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  if (key !== undefined) lines.push(`x-key: ${key}`);
  if (match !== undefined) lines.push(`x-match: ${match}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}

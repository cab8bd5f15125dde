/** Outlier detection: after the same answers the same hosts are out, the same is counted, and the same is logged. */
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, createServer, get, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createCluster,
  type EjectEvent,
  type HostPick,
  optionsFromXds,
  outlierLogEntry,
  type Policy,
  type Random,
  type UnejectEvent,
} from "@weftmesh/lb";
import { Cluster } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import { type RunningEnvoy, startEnvoy } from "../envoy.js";
import type { Checks } from "../xds/check.js";
import type { Json } from "./rig.js";

const HOSTS = 3;
const REQUESTS = 60;
const FAILURES = ["500", "501", "502", "503", "504", "599", "503 degraded"];
const SUCCESSES = ["200", "204", "404", "499", "600", "200 degraded"];
const TYPES = "type.googleapis.com/envoy.extensions.filters";

/** Picks the host with the number that the context carries as its hash, in or out. */
const byNumber: Policy = {
  name: "by_number",
  balancer: (set) => ({
    choose: (context) => set.levels[0]?.hosts[Number(context.hash)],
    refresh: () => undefined,
  }),
};

/**
 * Compares under so many random configurations.
 *
 * @param clusters - How many configurations.
 */
export async function compareEjections(checks: Checks, clusters: number, random: Random): Promise<void> {
  const servers = await Promise.all(Array.from({ length: HOSTS }, startServer));
  const folder = mkdtempSync(join(tmpdir(), "weftmesh-ejections-"));
  const log = join(folder, "log");
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    const messages = Array.from({ length: clusters }, (_, index) => message(`c${index}`, servers, random));
    const listeners = [listener()];
    await using envoy = await startEnvoy(
      {
        node: { id: "peer", cluster: "peer" },
        cluster_manager: { outlier_detection: { event_log_path: log } },
        static_resources: { clusters: messages, listeners },
      },
      ["--file-flush-interval-msec", "20"],
    );
    const port = await envoy.listenerPort("in");
    const send = (cluster: string, host: number, answer: string): Promise<number> =>
      request(agent, port, { "x-cluster": cluster, "x-host": `${host}`, "x-answer": answer });
    for (const each of messages) await compareOne(checks, each, { envoy, send, log, random });
  } finally {
    agent.destroy();
    for (const server of servers) server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Setting {
  readonly envoy: RunningEnvoy;
  readonly send: (cluster: string, host: number, answer: string) => Promise<number>;
  readonly log: string;
  readonly random: Random;
}

async function compareOne(checks: Checks, cluster: Json, { envoy, send, log, random }: Setting): Promise<void> {
  const name = String(cluster["name"]);
  const lines: string[] = [];
  const ours = createCluster(
    {
      ...optionsFromXds(Cluster.fromJson({ ...cluster, lb_subset_config: undefined } as object), undefined),
      policy: byNumber,
      onEvent: (event) => lines.push(lineOf(outlierLogEntry(event as EjectEvent | UnejectEvent, ""))),
    },
    { clock: { now: () => 0 }, random },
  );
  const badness = pickOf([0.3, 0.6, 0.9], random);
  for (let i = 0; i < REQUESTS; i++) {
    const host = Math.floor(random() * HOSTS);
    const answer = pickOf(random() < badness ? FAILURES : SUCCESSES, random);
    const status = await send(name, host, answer);
    // The worker tells the main thread, which this waits for.
    await envoy.admin("/ready");
    const pick = ours.pick({ hash: BigInt(host) }) as HostPick;
    pick.done({ result: "response", status, degraded: answer.endsWith("degraded") });
  }
  const prefix = `cluster.${name}.`;
  const counted = (await envoy.admin(`/stats?filter=^${prefix}outlier_detection`)).trim().split("\n");
  const theirs = counted.map((line) => line.slice(prefix.length)).sort();
  const stats = Object.entries(ours.stats()).filter(([key]) => key.startsWith("outlier_detection."));
  const mine = stats.map(([key, value]) => `${key}: ${value}`).sort();
  const flags = [...(await envoy.admin("/clusters")).matchAll(/^(.*?)::(.*?)::health_flags::(.*)$/gm)].flatMap(
    ([, of, address = "", text]) => (of === name ? [`${address} ${text}`] : []),
  );
  const states = ours.prioritySet.levels.flatMap(({ hosts }) =>
    hosts.map((host) => `${host.address} ${flagText(host.flags)}`),
  );
  const config = JSON.stringify(cluster["outlier_detection"]);
  same(checks, `what is counted under ${config}`, theirs, mine);
  same(checks, `who is out under ${config}`, flags.sort(), states.sort());
  await checks.until(`what is logged under ${config}`, () => {
    const logged = readFileSync(log, "utf8").trim().split("\n").filter(Boolean).map(lineOfText);
    const own = logged.filter((line) => line.includes(`"cluster_name":"${name}"`));
    return JSON.stringify(own) === JSON.stringify(lines);
  });
}

function same(checks: Checks, statement: string, theirs: readonly string[], ours: readonly string[]): void {
  const differing = theirs.filter((line) => !ours.includes(line));
  const holds = JSON.stringify(theirs) === JSON.stringify(ours);
  checks.hold(statement, holds, holds ? `${theirs.length} values` : { envoy: differing, ours });
}

function flagText(flags: number): string {
  return (
    `${flags & 0x2 ? "/failed_outlier_check" : ""}${flags & 0x400 ? "/degraded_outlier_detection" : ""}` || "healthy"
  );
}

function lineOfText(text: string): string {
  return lineOf(JSON.parse(text) as Json);
}

/** A line without what time alone decides. */
function lineOf({ timestamp: _, ...rest }: Json): string {
  return JSON.stringify(rest);
}

function pickOf<T>(list: readonly T[], random: Random): T {
  return list[Math.floor(random() * list.length)] as T;
}

function message(name: string, servers: readonly Server[], random: Random): Json {
  const lb_endpoints = servers.map((server, index) => ({
    endpoint: {
      address: { socket_address: { address: "127.0.0.1", port_value: (server.address() as AddressInfo).port } },
    },
    metadata: { filter_metadata: { "envoy.lb": { n: `${index}` } } },
  }));
  return {
    name,
    type: "STATIC",
    // How a request gets to its host, in or out: a subset of one panics when it is out.
    lb_subset_config: { subset_selectors: [{ keys: ["n"] }] },
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints }] },
    outlier_detection: {
      interval: "3600s",
      base_ejection_time: "3600s",
      consecutive_5xx: pickOf([0, 1, 2, 3, 5], random),
      consecutive_gateway_failure: pickOf([0, 1, 2, 3], random),
      enforcing_consecutive_5xx: pickOf([0, 100, 100], random),
      enforcing_consecutive_gateway_failure: pickOf([0, 100], random),
      split_external_local_origin_errors: random() < 0.5,
      max_ejection_percent: pickOf([10, 33, 34, 66, 67, 100], random),
      always_eject_one_host: random() < 0.5,
      detect_degraded_hosts: random() < 0.5,
    },
  };
}

function listener(): Json {
  const routes = Array.from({ length: HOSTS }, (_, host) => ({
    match: { prefix: "/", headers: [{ name: "x-host", string_match: { exact: `${host}` } }] },
    route: { cluster_header: "x-cluster", metadata_match: { filter_metadata: { "envoy.lb": { n: `${host}` } } } },
  }));
  const router = { "@type": `${TYPES}.http.router.v3.Router` };
  const manager = {
    "@type": `${TYPES}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: "in",
    route_config: { name: "r", virtual_hosts: [{ name: "v", domains: ["*"], routes }] },
    http_filters: [{ name: "router", typed_config: router }],
  };
  return {
    name: "in",
    address: { socket_address: { address: "127.0.0.1", port_value: 0 } },
    filter_chains: [{ filters: [{ name: "hcm", typed_config: manager }] }],
  };
}

/** A host that answers as the request says. */
async function startServer(): Promise<Server> {
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    const [status = "", degraded] = String(request.headers["x-answer"]).split(" ");
    response.writeHead(Number(status), degraded === undefined ? {} : { "x-envoy-degraded": "1" }).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

async function request(agent: Agent, port: number, headers: Readonly<Record<string, string>>): Promise<number> {
  const [response] = (await once(get({ host: "127.0.0.1", port, agent, headers }), "response")) as [IncomingMessage];
  response.resume();
  await once(response, "end");
  return response.statusCode ?? 0;
}

/** Active health checks: after the same answers of a server the same flags, counters and events. */
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkerFromXds, createCluster, type HealthEvent, type Host, optionsFromXds, type Random } from "@weftmesh/lb";
import { Cluster } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import { type RunningEnvoy, startEnvoy } from "../envoy.js";
import type { Checks } from "../xds/check.js";
import type { Json } from "./rig.js";

const ANSWERS = 25;
/** Those that pass are more, so that hosts come back. */
const KINDS = [
  "200",
  "200",
  "200",
  "200",
  "200 degraded",
  "200 immediate",
  "204",
  "500",
  "503",
  "404 immediate",
  "200 other",
  "200 body",
  "reset",
];
const FLAGS: readonly (readonly [number, string])[] = [
  [0x1, "/failed_active_hc"],
  [0x8, "/degraded_active_hc"],
  [0x40, "/pending_active_hc"],
  [0x80, "/excluded_via_immediate_hc_fail"],
  [0x100, "/active_hc_timeout"],
];
const EVENTS: Readonly<Record<HealthEvent["action"], string>> = {
  EJECT_UNHEALTHY: "eject_unhealthy_event",
  ADD_HEALTHY: "add_healthy_event",
  HEALTH_CHECK_FAILURE: "health_check_failure_event",
  SUCCESSFUL_HEALTH_CHECK: "successful_health_check_event",
  DEGRADED_HEALTHY_HOST: "degraded_healthy_host",
  NO_LONGER_DEGRADED_HOST: "no_longer_degraded_host",
};
/** Without `degraded`: Envoy counts each time a host becomes it, and takes off none that is no more. */
const COUNTERS = ["success", "failure", "network_failure", "passive_failure", "healthy"];

/**
 * Compares under so many random configurations.
 *
 * @param clusters - How many configurations.
 */
export async function compareHealthChecks(checks: Checks, clusters: number, random: Random): Promise<void> {
  const scripts = new Map<string, string[]>();
  const server = await startServer(scripts);
  const folder = mkdtempSync(join(tmpdir(), "weftmesh-checks-"));
  const log = join(folder, "log");
  try {
    const messages = Array.from({ length: clusters }, (_, index) => message(`c${index}`, server, log, random));
    for (const { name } of messages) {
      const script = Array.from({ length: ANSWERS }, () => pickOf(KINDS, random));
      scripts.set(`/envoy/${name}`, [...script]);
      scripts.set(`/ours/${name}`, script);
    }
    await using envoy = await startEnvoy(
      {
        node: { id: "peer", cluster: "peer" },
        static_resources: { clusters: messages.map(({ of }) => of("envoy")) },
      },
      ["--file-flush-interval-msec", "20"],
    );
    for (const each of messages) await compareOne(checks, each, envoy, log);
  } finally {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Message {
  readonly name: string;
  readonly check: Json;
  /** The cluster whose checks ask for this side's answers. */
  readonly of: (side: string) => Json;
}

async function compareOne(checks: Checks, { name, check, of }: Message, envoy: RunningEnvoy, log: string) {
  const cluster = Cluster.fromJson(of("ours") as object);
  const mine: string[] = [];
  const ours = createCluster(
    { ...optionsFromXds(cluster, undefined), onEvent: (event) => mine.push(textOf(event as HealthEvent)) },
    { clock: { now: () => 0 }, random: () => 0 },
  );
  const host = ours.prioritySet.levels[0]?.hosts[0] as Host;
  const checker = checkerFromXds(cluster);
  for (let i = 0; i < ANSWERS && checker; i++) {
    ours.reportHealthCheck(host.address, await checker(host, new AbortController().signal));
  }
  const under = JSON.stringify(check);
  const prefix = `cluster.${name}.health_check.`;
  let theirs: Record<string, number> = {};
  await checks.until(`${ANSWERS} checks under ${under}`, async () => {
    const lines = (await envoy.admin(`/stats?filter=^${prefix}`)).trim().split("\n");
    theirs = Object.fromEntries(
      lines.map((line) => [line.slice(prefix.length).split(":")[0], Number(line.split(" ")[1])]),
    );
    return (theirs["success"] ?? 0) + (theirs["failure"] ?? 0) === ANSWERS;
  });
  const stats = ours.stats();
  const [counted, expected] = [
    COUNTERS.map((key) => `${key} ${stats[`health_check.${key}`]}`).join(),
    COUNTERS.map((key) => `${key} ${theirs[key]}`).join(),
  ];
  checks.hold(`what is counted under ${under}`, counted === expected, { envoy: expected, ours: counted });
  const flags = new RegExp(`^${name}::.*::health_flags::(.*)$`, "m").exec(await envoy.admin("/clusters"))?.[1];
  const text = FLAGS.map(([bit, word]) => (host.flags & bit ? word : "")).join("") || "healthy";
  checks.hold(`the state under ${under}`, sorted(flags ?? "") === sorted(text), { envoy: flags, ours: text });
  let logged: readonly string[] = [];
  const holds = await checks.until(`what is logged under ${under}`, () => {
    logged = linesOf(log, name);
    return JSON.stringify(logged) === JSON.stringify(mine);
  });
  if (!holds) checks.hold("the log", false, { envoy: logged, ours: mine });
}

function sorted(flags: string): string {
  return flags.split("/").sort().join("/");
}

function linesOf(log: string, cluster: string): readonly string[] {
  const lines = readFileSync(log, "utf8").trim().split("\n").filter(Boolean);
  return lines.flatMap((line) => {
    const entry = JSON.parse(line) as Readonly<Record<string, { failure_type?: string; first_check?: boolean }>>;
    const key = Object.values(EVENTS).find((each) => entry[each] !== undefined) ?? "";
    const { failure_type = "", first_check = "" } = entry[key] ?? {};
    return line.includes(`"cluster_name":"${cluster}"`) ? [`${key} ${failure_type} ${first_check}`] : [];
  });
}

function textOf({ action, failureType, firstCheck }: HealthEvent): string {
  return `${EVENTS[action]} ${failureType ?? ""} ${firstCheck ?? ""}`;
}

function pickOf<T>(list: readonly T[], random: Random): T {
  return list[Math.floor(random() * list.length)] as T;
}

function message(name: string, server: Server, event_log_path: string, random: Random): Message {
  const { port } = server.address() as AddressInfo;
  const http = {
    // A retriable status that asks to be left alone is excluded in Envoy while it counts; here it only counts.
    ...(random() < 0.5 && { retriable_statuses: [{ start: 500, end: 600 }] }),
    ...(random() < 0.3 && { expected_statuses: [{ start: 200, end: 300 }] }),
    ...(random() < 0.5 && { service_name_matcher: { exact: "shop" } }),
    ...(random() < 0.5 && { receive: [{ text: "6f" }, { text: "6b" }] }),
  };
  const check = {
    healthy_threshold: pickOf([0, 1, 2, 3], random),
    unhealthy_threshold: pickOf([0, 1, 2, 3], random),
    always_log_health_check_failures: random() < 0.5,
    always_log_health_check_success: random() < 0.5,
    http_health_check: http,
  };
  const timing = { timeout: "60s", interval: "0.005s", no_traffic_interval: "0.005s" };
  const common_lb_config = { ignore_new_hosts_until_first_hc: random() < 0.5 };
  const address = { socket_address: { address: "127.0.0.1", port_value: port } };
  return {
    name,
    check: { ...check, ...common_lb_config },
    of: (side) => ({
      name,
      type: "STATIC",
      common_lb_config,
      load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
      health_checks: [
        { ...timing, ...check, event_log_path, http_health_check: { ...http, path: `/${side}/${name}` } },
      ],
    }),
  };
}

/** Answers a path with what its script says, and then no more. */
async function startServer(scripts: ReadonlyMap<string, string[]>): Promise<Server> {
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const next = scripts.get(request.url ?? "")?.shift();
    if (next === undefined) return;
    if (next === "reset") {
      request.socket.destroy();
      return;
    }
    const [status = "", kind] = next.split(" ");
    response.writeHead(Number(status), {
      "x-envoy-upstream-healthchecked-cluster": kind === "other" ? "stock" : "shop",
      ...(kind === "degraded" && { "x-envoy-degraded": "1" }),
      ...(kind === "immediate" && { "x-envoy-immediate-health-check-fail": "1" }),
    });
    response.end(status === "204" ? undefined : kind === "body" ? "ko" : "ok");
  };
  const server = createServer({ keepAliveTimeout: 60_000 }, answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

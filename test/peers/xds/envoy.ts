/** The real Envoy as a client of our server. */
import {
  createServer,
  createSnapshotCache,
  envoyBootstrap,
  type MessageResource,
  type ServerEvent,
} from "@weftmesh/xds";
import { type RunningEnvoy, startEnvoy } from "../envoy.js";
import type { Checks } from "./check.js";
import { cluster, endpoints, get, listener, route, type Source, startUpstream } from "./mesh.js";

const MODES = [
  { variant: "sotw", streams: "aggregated" },
  { variant: "delta", streams: "aggregated" },
  { variant: "sotw", streams: "separate" },
  { variant: "delta", streams: "separate" },
] as const;

type Mode = (typeof MODES)[number];

/** All statements about Envoy, in all four modes. */
export async function checkEnvoy(checks: Checks, changes: number): Promise<void> {
  for (const mode of MODES) {
    await checks.part(`Envoy, ${mode.variant} ${mode.streams}`, () => checkMode(checks, mode, changes));
  }
}

async function checkMode(checks: Checks, { variant, streams }: Mode, changes: number): Promise<void> {
  const name = `Envoy, ${variant} ${streams}`;
  const source: Source = streams === "aggregated" ? "ads" : { separate: variant };
  const cache = createSnapshotCache();
  const events: ServerEvent[] = [];
  let server = createServer({ cache, onEvent: (event) => events.push(event) });
  const port = await server.listen("127.0.0.1:0");
  await using one = await startUpstream("one");
  await using two = await startUpstream("two");
  const toCluster = (target: "one" | "two"): readonly MessageResource[] => [
    listener("l", "r", source),
    route("r", `c-${target}`),
    cluster(`c-${target}`, source),
    endpoints(`c-${target}`, target === "one" ? one.port : two.port),
  ];
  cache.set("peer", toCluster("one"));
  const node = { id: "peer", cluster: "peers" };
  await using envoy = await startEnvoy(
    envoyBootstrap({ node, server: `127.0.0.1:${port}`, variant, streams }) as never,
  );
  try {
    let at = 0;
    await checks.until(`${name}: takes listener, route, cluster and endpoints and forwards`, async () => {
      at = await envoy.listenerPort("l").catch(() => 0);
      return at > 0 && (await get(at)).body === "one";
    });
    const initial = events.filter(({ kind }) => kind === "nack").length;
    checks.hold(
      `${name}: accepts all of it`,
      initial === 0,
      initial === 0 ? "" : events.find(({ kind }) => kind === "nack"),
    );
    await followChanges(checks, name, at, changes, (target) => cache.set("peer", toCluster(target)), streams);
    await refuseBroken(checks, name, at, envoy, events, () => {
      const broken = cluster("broken", source);
      cache.set("peer", [...toCluster("two"), { ...broken, message: { name: "broken", type: "LOGICAL_DNS" } }]);
    });
    cache.set("peer", toCluster("two"));
    await checks.until(`${name}: forwards on after the refusal`, async () => (await get(at)).body === "two");
    await server.close();
    events.length = 0;
    server = createServer({ cache, onEvent: (event) => events.push(event) });
    await server.listen(`127.0.0.1:${port}`);
    await checks.until(
      `${name}: comes back after a restart`,
      () => events.some(({ kind }) => kind === "connected"),
      30_000,
    );
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const resent = events.flatMap((event) => (event.kind === "sent" ? event.resources : []));
    if (variant === "delta") checks.hold(`${name}: is sent no resource then`, resent.length === 0, resent);
    checks.hold(`${name}: forwards all the while`, (await get(at)).body === "two");
  } finally {
    await server.close();
  }
}

/** Traffic moves between two clusters of which only one exists at the end of each change. */
async function followChanges(
  checks: Checks,
  name: string,
  port: number,
  changes: number,
  publish: (target: "one" | "two") => void,
  streams: Mode["streams"],
): Promise<void> {
  let running = true;
  const answers = new Map<string, number>();
  const load = Array.from({ length: 4 }, async () => {
    while (running) {
      const { status, body } = await get(port);
      const key = status === 200 ? body : `${status} ${body}`;
      answers.set(key, (answers.get(key) ?? 0) + 1);
    }
  });
  let followed = 0;
  for (let change = 1; change <= changes; change++) {
    const target = change % 2 === 0 ? "two" : "one";
    publish(target);
    const start = performance.now();
    while (performance.now() - start < 6000) {
      if ((await get(port)).body !== target) continue;
      followed++;
      break;
    }
  }
  publish("two");
  running = false;
  await Promise.all(load);
  checks.hold(`${name}: follows ${changes} changes`, followed === changes, `${followed} followed`);
  const failed = [...answers].filter(([key]) => key !== "one" && key !== "two");
  // Separate streams have no order among themselves: there nothing promises a cluster before its route.
  const total = [...answers.values()].reduce((sum, count) => sum + count, 0);
  if (streams === "aggregated") checks.hold(`${name}: loses no request of ${total}`, failed.length === 0, failed);
}

async function refuseBroken(
  checks: Checks,
  name: string,
  port: number,
  envoy: RunningEnvoy,
  events: readonly ServerEvent[],
  publish: () => void,
): Promise<void> {
  publish();
  const nack = () => events.flatMap((event) => (event.kind === "nack" ? [event.nack] : [])).at(-1);
  await checks.until(`${name}: refuses a broken cluster`, () => nack() !== undefined);
  const [reason] = nack()?.reasons ?? [];
  checks.hold(`${name}: the refusal names the cluster`, reason?.resource === "broken", nack()?.message);
  const before = events.filter(({ kind }) => kind === "nack").length;
  await new Promise((resolve) => setTimeout(resolve, 500));
  const after = events.filter(({ kind }) => kind === "nack").length;
  checks.hold(`${name}: is not sent the refused content again`, before === after, { before, after });
  checks.hold(`${name}: goes on serving`, (await get(port)).status === 200);
  const rejected = (await envoy.admin("/stats?filter=cluster_manager.cds.update_rejected")).trim();
  checks.hold(`${name}: counts the refusal itself`, /update_rejected: [1-9]/.test(rejected), rejected);
}

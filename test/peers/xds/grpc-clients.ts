/** gRPC's own xDS clients, in Go and in JavaScript, calling a service through what our server tells them. */
import { Client, credentials, Server, ServerCredentials } from "@grpc/grpc-js";
import { createServer, createSnapshotCache, grpcBootstrap, type ServerEvent } from "@weftmesh/xds";
import { Cluster } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import { RouteConfiguration } from "@weftmesh/xds-types/envoy/config/route/v3";
import type { Checks } from "./check.js";
import { LineProgram } from "./go-control-plane.js";
import { apiListener, cluster, endpoints, route } from "./mesh.js";

const WHO = {
  path: "/peer.Echo/Who",
  requestStream: false,
  responseStream: false,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
} as const;

/**
 * grpc-go 1.85 fails calls that chose their cluster just before its picker was replaced, with one of these messages: it
 * acknowledges routes before its channel uses them. The first comes with both clusters in place all the time too, so no
 * order of pushes avoids it; that a cluster goes only after the routes without it are acknowledged is checked beside.
 */
const GRPC_GO_RACE =
  /unknown cluster selected for RPC|resource "c-(one|two)" of type "ClusterResource" has been removed/;

/** Makes calls and says who answered how often, as `name=count`. */
type Caller = (calls: number) => Promise<string>;

/** Statements about both clients. */
export async function checkGrpcClients(checks: Checks, binary: string): Promise<void> {
  await checks.part("grpc-go", () =>
    follow(checks, "grpc-go", async (bootstrap) => {
      const program = new LineProgram(binary, ["client", "xds:///svc"], { GRPC_XDS_BOOTSTRAP_CONFIG: bootstrap });
      await program.line();
      return { call: (calls) => program.tell(String(calls)), end: () => program.end() };
    }),
  );
  await checks.part("grpc-js-xds", () =>
    follow(checks, "grpc-js-xds", async (bootstrap) => {
      process.env["GRPC_XDS_BOOTSTRAP_CONFIG"] = bootstrap;
      const { register } = await import("@grpc/grpc-js-xds");
      register();
      const client = new Client("xds:///svc", credentials.createInsecure());
      return { call: (calls) => callFromHere(client, calls), end: () => client.close() };
    }),
  );
}

async function follow(
  checks: Checks,
  name: string,
  start: (bootstrap: string) => Promise<{ readonly call: Caller; readonly end: () => void }>,
): Promise<void> {
  const cache = createSnapshotCache();
  const events: ServerEvent[] = [];
  await using server = createServer({ cache, onEvent: (event) => events.push(event) });
  const port = await server.listen("127.0.0.1:0");
  const one = await startEcho("one");
  const two = await startEcho("two");
  const to = (target: "one" | "two") => [
    apiListener("svc", "r"),
    route("r", `c-${target}`),
    cluster(`c-${target}`),
    endpoints(`c-${target}`, target === "one" ? one.port : two.port),
  ];
  cache.set("grpc", to("one"));
  const bootstrap = { servers: [{ uri: `127.0.0.1:${port}` }], node: { id: "grpc", cluster: "peers" } };
  const client = await start(JSON.stringify(grpcBootstrap(bootstrap)));
  try {
    const first = await client.call(20);
    checks.hold(`${name}: resolves and calls`, first === "one=20", first);
    let failures = "";
    for (let change = 1; change <= 20; change++) {
      const target = change % 2 === 0 ? "one" : "two";
      cache.set("grpc", to(target));
      for (let attempt = 0; attempt < 200; attempt++) {
        const heard = await client.call(5);
        if (heard.includes("error") && !GRPC_GO_RACE.test(heard)) failures = heard;
        if (heard === `${target}=5`) break;
        if (attempt === 199) failures ||= `never saw ${target}: ${heard}`;
      }
    }
    checks.hold(`${name}: follows 20 changes without a failed call`, failures === "", failures);
    checks.hold(`${name}: loses a cluster only after it acknowledged the routes without it`, keepsOrder(events), "");
    const nack = events.find(({ kind }) => kind === "nack");
    checks.hold(`${name}: accepts all of it`, nack === undefined, nack ?? "");
  } finally {
    client.end();
    one.end();
    two.end();
  }
}

/** Whether every response that leaves a cluster out came when the newest routes were acknowledged. */
function keepsOrder(events: readonly ServerEvent[]): boolean {
  const acknowledged = new Set<string>();
  let newestRoutes: string | undefined;
  let clusters: readonly string[] = [];
  for (const event of events) {
    if (event.kind === "ack") acknowledged.add(event.nonce);
    if (event.kind !== "sent") continue;
    if (event.typeUrl === RouteConfiguration.typeUrl) newestRoutes = event.nonce;
    if (event.typeUrl !== Cluster.typeUrl) continue;
    const loses = clusters.some((each) => !event.resources.includes(each));
    if (loses && newestRoutes !== undefined && !acknowledged.has(newestRoutes)) return false;
    clusters = event.resources;
  }
  return true;
}

/** A gRPC service that answers with its name, as a `StringValue`. */
async function startEcho(name: string): Promise<{ readonly port: number; readonly end: () => void }> {
  const server = new Server();
  const reply = Buffer.from([0x0a, name.length, ...Buffer.from(name)]);
  server.addService(
    { Who: WHO },
    { Who: (_call: unknown, callback: (error: null, reply: Buffer) => void) => callback(null, reply) },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  return { port, end: () => server.forceShutdown() };
}

async function callFromHere(client: Client, calls: number): Promise<string> {
  const heard = new Map<string, number>();
  for (let call = 0; call < calls; call++) {
    const answer = await new Promise<string>((resolve) => {
      const deadline = Date.now() + 5000;
      client.makeUnaryRequest(WHO.path, same, same, Buffer.alloc(0), { deadline }, (error, reply) => {
        resolve(error === null ? (reply?.subarray(2).toString() ?? "") : `error: ${error.details}`);
      });
    });
    heard.set(answer, (heard.get(answer) ?? 0) + 1);
  }
  return [...heard]
    .map(([name, count]) => `${name}=${count}`)
    .sort()
    .join(" ");
}

function same(message: Buffer): Buffer {
  return message;
}

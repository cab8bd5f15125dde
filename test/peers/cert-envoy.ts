/** Two real Envoys speak mutual TLS with secrets of ours by SDS, through rotations and a root roll, under load. */
import { Agent, createServer as createHttpServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { type Ca, createCa, type RotatingSource, rotate, SpiffeId, secretSource } from "@weftmesh/cert";
import { createSecretCache, createServer } from "@weftmesh/xds";
import { mtlsBootstrap } from "./cert/envoys.js";
import { type RunningEnvoy, startEnvoy } from "./envoy.js";
import type { Peer } from "./peer.js";
import { Checks } from "./xds/check.js";

/** Leaves end so soon that they renew themselves during the run, and that the old root can be retired without force. */
const TTL_MS = 4000;

/** A workload: its identity, renewed by our CA, and the SDS server beside it, as istio-agent is beside its Envoy. */
interface Workload extends AsyncDisposable {
  readonly id: SpiffeId;
  readonly source: RotatingSource;
  readonly port: number;
  /** What its Envoy refused. */
  readonly refused: readonly string[];
}

async function workload(ca: Ca, name: string): Promise<Workload> {
  const id = SpiffeId.parse(`spiffe://${ca.trustDomain}/ns/shop/sa/${name}`);
  const source = rotate(ca.issuerFor(id), { ttlMs: TTL_MS });
  await source.ready();
  const follow = ca.watch((bundle) => source.updateBundles(new Map([[ca.trustDomain, bundle]])));
  const roots = new Map<string, number>();
  const refused: string[] = [];
  const server = createServer({
    cache: createSecretCache(secretSource(source), { allow: (node) => node.id === name }),
    onEvent(event) {
      if (event.kind === "nack") refused.push(event.nack.message);
      if (event.kind === "sent" && event.resources.some((each) => each === "ROOTCA" || each === "ALL")) {
        roots.set(`${event.stream} ${event.nonce}`, ca.roll.status().bundleVersion);
      }
      // An Envoy that has accepted the roots is what a root roll waits for.
      const version = event.kind === "ack" ? roots.get(`${event.stream} ${event.nonce}`) : undefined;
      if (version !== undefined) ca.roll.acknowledge(name, version);
    },
  });
  const port = await server.listen("127.0.0.1:0");
  return {
    id,
    source,
    port,
    refused,
    async [Symbol.asyncDispose]() {
      follow[Symbol.dispose]();
      source[Symbol.dispose]();
      await server.close();
    },
  };
}

/** What an Envoy uses now: the serial number of its leaf, and how many roots it trusts. */
async function inUse(envoy: RunningEnvoy): Promise<{ readonly serials: readonly string[]; readonly roots: number }> {
  const { certificates } = JSON.parse(await envoy.admin("/certs")) as {
    readonly certificates: readonly {
      readonly ca_cert?: readonly { readonly serial_number: string }[];
      readonly cert_chain?: readonly { readonly serial_number: string }[];
    }[];
  };
  const serials = certificates.flatMap(({ cert_chain }) => cert_chain?.map(({ serial_number }) => serial_number) ?? []);
  return { serials, roots: Math.max(...certificates.map(({ ca_cert }) => ca_cert?.length ?? 0)) };
}

/** Where the requests end: says who the second Envoy says that the first one is. */
async function startUpstream(seen: Map<string, number>): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createHttpServer((request, response) => {
    const caller = String(request.headers["x-forwarded-client-cert"]);
    seen.set(caller, (seen.get(caller) ?? 0) + 1);
    response.end("served");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function get(port: number, agent: Agent): Promise<string> {
  return new Promise((resolve) => {
    const request = httpRequest({ host: "127.0.0.1", port, path: "/", agent }, (response) => {
      response.resume();
      response.on("end", () => resolve(String(response.statusCode)));
      response.on("error", (error) => resolve(error.message));
    });
    request.on("error", (error) => resolve(error.message));
    request.end();
  });
}

/** Requests without a pause from eight callers until it is disposed of. */
function load(port: number, answers: Map<string, number>): AsyncDisposable {
  let running = true;
  const agent = new Agent({ keepAlive: true });
  const callers = Array.from({ length: 8 }, async () => {
    while (running) {
      const answer = await get(port, agent);
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
    }
  });
  return {
    async [Symbol.asyncDispose]() {
      running = false;
      await Promise.all(callers);
      agent.destroy();
    },
  };
}

/** Envoy prints serial numbers without leading zeros. */
const serialOf = ({ source }: Workload): string =>
  Buffer.from(source.current()?.svid.chain[0]?.serial ?? [])
    .toString("hex")
    .replace(/^0+/, "");

async function check(checks: Checks, rotations: number): Promise<void> {
  const ca = createCa({ trustDomain: "td.test", backdateMs: 60_000 });
  await using caller = await workload(ca, "caller");
  await using called = await workload(ca, "called");
  const seen = new Map<string, number>();
  await using upstream = await startUpstream(seen);
  const server = mtlsBootstrap({ role: "server", own: called, peer: caller.id, upstream: upstream.port });
  await using second = await startEnvoy(server);
  const inbound = await second.listenerPort("in");
  await using first = await startEnvoy(
    mtlsBootstrap({ role: "client", own: caller, peer: called.id, upstream: inbound }),
  );
  const outbound = await first.listenerPort("in");
  const ends = [
    [caller, first],
    [called, second],
  ] as const;
  const using = async (roots: number): Promise<boolean> => {
    const states = await Promise.all(ends.map(async ([each, envoy]) => [each, await inUse(envoy)] as const));
    return states.every(([each, state]) => state.serials.includes(serialOf(each)) && state.roots === roots);
  };
  await checks.until("both Envoys take certificate and roots by SDS", () => using(1));
  const answers = new Map<string, number>();
  const handshakes = async (): Promise<number> => {
    const stats = await second.admin("/stats?filter=ssl.handshake$");
    return Number(/handshake: (\d+)/.exec(stats)?.[1] ?? 0);
  };
  const rotate = async (): Promise<void> => void (await Promise.all(ends.map(([each]) => each.source.renew())));
  {
    await using _load = load(outbound, answers);
    let followed = 0;
    for (let done = 0; done < rotations; done++) {
      await rotate();
      const deadline = performance.now() + 5000;
      while (performance.now() < deadline && !(await using(1)));
      if (await using(1)) followed++;
    }
    checks.hold(`${rotations} rotations reach both Envoys`, followed === rotations, `${followed} did`);
    const old = ca.issuer;
    const { pending } = ca.roll.prepare();
    checks.hold("root roll: it waits for both Envoys", pending.join() === "called,caller", pending);
    await checks.until("root roll: both Envoys trust both roots", () => using(2));
    await checks.until("root roll: both have acknowledged", () => ca.roll.status().pending.length === 0);
    ca.roll.activate();
    await rotate();
    await checks.until("root roll: both show leaves of the new root", () => using(2));
    const before = await handshakes();
    await checks.until(
      "root roll: no leaf of the old root is left",
      () => ca.roll.status().oldLeavesUntil < Date.now(),
    );
    ca.roll.retire();
    await checks.until("root roll: both Envoys trust the new root alone", () => using(1));
    const at = await handshakes();
    await checks.until("new connections are made after that", async () => (await handshakes()) > at + 20);
    checks.hold("the issuer is another key", !Buffer.from(old.publicKey.spki).equals(ca.issuer.publicKey.spki));
    checks.hold("new connections were made all the while", at > before, { before, at });
  }
  const failed = [...answers].filter(([answer]) => answer !== "200");
  const total = [...answers.values()].reduce((sum, count) => sum + count, 0);
  checks.hold(`0 of ${total} requests fail, over ${await handshakes()} handshakes`, failed.length === 0, failed);
  const names = new Set([...seen.keys()].map((header) => header.replace(/Hash=[0-9a-f]{64};/, "")));
  checks.hold("the called Envoy knows who calls", [...names].join() === `By=${called.id};URI=${caller.id}`, [...names]);
  checks.hold("callers came with one certificate after the other", seen.size >= rotations / 2, `${seen.size}`);
  const refused = [...caller.refused, ...called.refused];
  checks.hold("no secret is refused", refused.length === 0, refused);
  const failures = (await second.admin("/stats?filter=ssl.fail_verify")).trim();
  checks.hold("no certificate is refused", !/: [1-9]/.test(failures), failures);
}

/** Our identities under the real Envoy. */
export const peer: Peer = {
  name: "cert-envoy",
  requires: ["envoy"],
  async run({ cases, log }) {
    const checks = new Checks(log);
    // A rotation takes a tenth of a second; the bounded run is to end within 20 seconds.
    await checks.part("two Envoys", () => check(checks, Math.max(5, Math.ceil(cases / 10))));
    return checks.result();
  },
};

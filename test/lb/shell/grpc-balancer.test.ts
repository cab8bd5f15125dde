import {
  type CallOptions,
  Client,
  credentials,
  experimental,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  status,
} from "@grpc/grpc-js";
import { clientSideWeightedRoundRobin, registerGrpcBalancer, roundRobin } from "@weftmesh/lb";
import { OrcaLoadReport } from "@weftmesh/xds-types/xds/data/orca/v3";
import { afterEach, describe, expect, test, vi } from "vitest";

const closers: (() => unknown)[] = [];
afterEach(() => {
  vi.restoreAllMocks();
  for (const close of closers.splice(0)) close();
});

const bytes = (text: string): Buffer => Buffer.from(text);
const SERVICE: ServiceDefinition = {
  ask: {
    path: "/test.Test/Ask",
    requestStream: false,
    responseStream: false,
    requestSerialize: bytes,
    requestDeserialize: String,
    responseSerialize: bytes,
    responseDeserialize: String,
  },
};

interface Backend {
  readonly address: string;
  code: number;
  readonly server: Server;
  utilization?: number;
}

async function backend(): Promise<Backend> {
  const server = new Server();
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  const state: Backend = { address: `127.0.0.1:${port}`, code: status.OK, server };
  server.addService(SERVICE, {
    ask: (_: unknown, callback: (error: object | null, value?: string, trailer?: Metadata) => void) => {
      const trailer = new Metadata();
      const load = state.utilization && { rpsFractional: 100, cpuUtilization: state.utilization };
      if (load) trailer.set("endpoint-load-metrics-bin", Buffer.from(OrcaLoadReport.encode(load)));
      if (state.code === status.OK) callback(null, state.address, trailer);
      else callback({ code: state.code, details: "as told" });
    },
  });
  closers.push(() => server.forceShutdown());
  return state;
}

let names = 0;

/** A channel that is balanced by ours; answers are the address of the server, or the code of the failure. */
function channel(
  backends: readonly Backend[],
  cluster: Parameters<typeof registerGrpcBalancer>[1] = {},
  fallback: readonly object[] = [],
) {
  const name = `weftmesh_test_${names++}`;
  registerGrpcBalancer(experimental, { name, ...cluster });
  const client = new Client(`ipv4:${backends.map(({ address }) => address).join(",")}`, credentials.createInsecure(), {
    "grpc.service_config": JSON.stringify({ loadBalancingConfig: [{ [name]: {} }, ...fallback] }),
    "grpc.enable_retries": 0,
  });
  closers.push(() => client.close());
  const metadata = new Metadata();
  metadata.set("x-secret", "of the request");
  return (call: CallOptions = {}): Promise<string> =>
    new Promise((resolve) => {
      const options = { deadline: Date.now() + 5000, ...call };
      client.makeUnaryRequest("/test.Test/Ask", bytes, String, "?", metadata, options, (error, value) => {
        expect(error?.metadata.get("x-secret") ?? []).toEqual([]);
        resolve(error ? `failed ${error.code}` : (value ?? ""));
      });
    });
}

/** Credentials that come when they are told to, and at once when they are asked for again. */
function slowCredentials() {
  const waiting: (() => void)[] = [];
  let told = false;
  const made = credentials.createFromMetadataGenerator((_, callback) => {
    const come = (): void => callback(null, new Metadata());
    if (told) come();
    else waiting.push(come);
  });
  const come = (): void => {
    told = true;
    for (const each of waiting) each();
  };
  return { credentials: made, waiting, come };
}

/** Calls until every server has answered: connections come up one after the other. */
async function warmUp(ask: () => Promise<string>, servers: number): Promise<void> {
  const seen = new Set<string>();
  for (let i = 0; i < 200 && seen.size < servers; i++) seen.add(await ask());
  expect(seen.size).toBe(servers);
}

describe("registerGrpcBalancer", () => {
  test("calls go to all servers in turn", async () => {
    const backends = [await backend(), await backend(), await backend()];
    const ask = channel(backends, { cluster: () => ({ policy: roundRobin() }) });
    await warmUp(ask, 3);
    const round = [await ask(), await ask(), await ask()];
    expect(round.toSorted()).toEqual(backends.map(({ address }) => address).toSorted());
    expect([await ask(), await ask(), await ask()]).toEqual(round);
  });

  test("a server that answers UNAVAILABLE is ejected", async () => {
    const [good, bad] = [await backend(), await backend()];
    const ask = channel([good, bad], {
      cluster: () => ({ outlierDetection: { consecutive5xx: 3, maxEjectionPercent: 50 } }),
    });
    await warmUp(ask, 2);
    bad.code = status.UNAVAILABLE;
    const answers: string[] = [];
    for (let i = 0; i < 20; i++) answers.push(await ask());
    expect(answers.filter((answer) => answer === `failed ${status.UNAVAILABLE}`)).toHaveLength(3);
    expect(answers.slice(-10)).toEqual(Array(10).fill(good.address));
  });

  test("a server whose connection is gone gets no more calls", async () => {
    const [stays, goes] = [await backend(), await backend()];
    const ask = channel([stays, goes]);
    await warmUp(ask, 2);
    goes.server.forceShutdown();
    const answers: string[] = [];
    for (let i = 0; i < 10; i++) answers.push(await ask());
    expect(answers.slice(-5)).toEqual(Array(5).fill(stays.address));
  });

  test("a limit of calls in flight fails the one beyond it", async () => {
    const only = await backend();
    const ask = channel([only], { cluster: () => ({ circuitBreakers: [{ maxRequests: 1 }] }) });
    await warmUp(ask, 1);
    const answers = await Promise.all([ask(), ask()]);
    expect(answers.toSorted()).toEqual([only.address, `failed ${status.UNAVAILABLE}`].toSorted());
  });

  test("a call that picks anew because its connection went away holds one place, not two", async () => {
    const backends = [await backend(), await backend()];
    const limits = { circuitBreakers: [{ maxRequests: 1 }] };
    const ask = channel(backends, { cluster: () => ({ policy: roundRobin(), ...limits }) });
    await warmUp(ask, 2);
    // The pick after this one is of the other host, so this call's is the one of the last answer but one.
    const [first, second] = [await ask(), await ask()];
    const slow = slowCredentials();
    const answer = ask({ credentials: slow.credentials });
    await expect.poll(() => slow.waiting.length).toBe(1);
    backends.find(({ address }) => address === first)?.server.forceShutdown();
    await expect.poll(() => ask()).toBe(second);
    slow.come();
    expect(await answer).toBe(second);
  });

  test("a call that ended before it started gives its place back after a while", async () => {
    const only = await backend();
    const ask = channel([only], { cluster: () => ({ circuitBreakers: [{ maxRequests: 1 }] }) });
    await warmUp(ask, 1);
    const never = slowCredentials();
    const deadline = Date.now() + 50;
    expect(await ask({ credentials: never.credentials, deadline })).toBe(`failed ${status.DEADLINE_EXCEEDED}`);
    const now = performance.now();
    vi.spyOn(performance, "now").mockReturnValue(now + 10_001);
    expect(await ask()).toBe(only.address);
  });

  test("a context that throws fails its call, and no other", async () => {
    const only = await backend();
    let broken = false;
    const ask = channel([only], {
      context() {
        if (broken) throw new Error("no tenant");
        return {};
      },
    });
    await warmUp(ask, 1);
    broken = true;
    expect(await ask()).toBe(`failed ${status.INTERNAL}`);
    broken = false;
    expect(await ask()).toBe(only.address);
  });

  test.each<{ name: string; cluster: () => object }>([
    { name: "options that are refused", cluster: () => ({ outlierDetection: { intervalMs: -1 } }) },
    {
      name: "a function that throws",
      cluster() {
        throw new Error("not that one");
      },
    },
  ])("$name: the next config of the list is taken", async ({ cluster }) => {
    const only = await backend();
    const ask = channel([only], { cluster }, [{ round_robin: {} }]);
    expect(await ask()).toBe(only.address);
  });

  test("the load that servers report in their trailers becomes their weight", async () => {
    const backends = [await backend(), await backend()];
    for (const [index, each] of backends.entries()) each.utilization = index === 0 ? 0.25 : 0.75;
    const policy = clientSideWeightedRoundRobin({ blackoutPeriodMs: 0, weightUpdatePeriodMs: 100 });
    const ask = channel(backends, { cluster: () => ({ policy }) });
    await warmUp(ask, 2);
    await expect
      .poll(async () => {
        const answers = await Promise.all(Array.from({ length: 40 }, () => ask()));
        return answers.filter((answer) => answer === backends[0]?.address).length;
      })
      .toBe(30);
  });
});

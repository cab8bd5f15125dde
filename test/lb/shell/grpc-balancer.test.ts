import {
  Client,
  credentials,
  experimental,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  status,
} from "@grpc/grpc-js";
import { registerGrpcBalancer, roundRobin } from "@weftmesh/lb";
import { afterEach, describe, expect, test } from "vitest";

const closers: (() => unknown)[] = [];
afterEach(() => {
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
    ask: (_: unknown, callback: (error: object | null, value?: string) => void) => {
      if (state.code === status.OK) callback(null, state.address);
      else callback({ code: state.code, details: "as told" });
    },
  });
  closers.push(() => server.forceShutdown());
  return state;
}

let names = 0;

/** A channel that is balanced by ours; answers are the address of the server, or the code of the failure. */
function channel(backends: readonly Backend[], cluster: Parameters<typeof registerGrpcBalancer>[1] = {}) {
  const name = `weftmesh_test_${names++}`;
  registerGrpcBalancer(experimental, { name, ...cluster });
  const client = new Client(`ipv4:${backends.map(({ address }) => address).join(",")}`, credentials.createInsecure(), {
    "grpc.service_config": JSON.stringify({ loadBalancingConfig: [{ [name]: {} }] }),
    "grpc.enable_retries": 0,
  });
  closers.push(() => client.close());
  return (): Promise<string> =>
    new Promise((resolve) => {
      client.makeUnaryRequest("/test.Test/Ask", bytes, String, "?", { deadline: Date.now() + 5000 }, (error, value) =>
        resolve(error ? `failed ${error.code}` : (value ?? "")),
      );
    });
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
});

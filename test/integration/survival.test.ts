/** What is killed, and what everybody else notices of it. Traffic runs all the while. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { pod, port } from "../../examples/mesh/dist/layout.js";
import { load, type Samples } from "../../examples/mesh/dist/load.js";
import { Mesh, until } from "../../examples/mesh/dist/mesh.js";

const IN_FLIGHT = 8;
const gateway = port(pod("gateway"), "outbound");

let mesh: Mesh;
let stop: AbortController;
let traffic: Promise<Samples>;
let answers: number;

beforeAll(async () => {
  mesh = new Mesh();
  await mesh.start();
});
afterAll(() => mesh[Symbol.asyncDispose]());

beforeEach(() => {
  stop = new AbortController();
  answers = 0;
  traffic = load({
    port: gateway,
    concurrency: IN_FLIGHT,
    perSecond: 100,
    signal: stop.signal,
    onSample: () => {
      answers++;
    },
  });
});
afterEach(async () => {
  stop.abort();
  await traffic;
});

/** Waits until so many more requests have been answered. */
function answered(count: number): Promise<unknown> {
  const goal = answers + count;
  return until(
    async () => answers,
    (now) => now >= goal,
    "the traffic stands still",
    30_000,
  );
}

async function total(): Promise<Samples> {
  stop.abort();
  return traffic;
}

describe("without the control plane", () => {
  test("traffic goes on, and a later change arrives once it is back", async () => {
    await answered(50);
    await mesh.kill("control plane");
    await answered(200);
    await mesh.run("control plane");
    await until(
      () => mesh.control(),
      ({ clients }) => clients.length === 7,
      "not every sidecar came back",
      30_000,
    );
    await mesh.push("header");
    const jason = await load({ port: gateway, requests: 20, headers: { "x-user": "jason" } });
    await mesh.push();
    const samples = await total();
    expect(samples.failures).toEqual([]);
    expect(jason.of("v2")).toBe(20);
  });
});

describe("without the certificate authority", () => {
  test("traffic goes on with the last certificates, and renewal resumes with the same root once it is back", async () => {
    await mesh.tellAuthority("/leaf-seconds", { seconds: 20 });
    await mesh.renew();
    const { roots } = await mesh.authority();
    await mesh.kill("certificate authority");
    await until(
      () => mesh.sidecars(),
      (all) => all.every(({ identity }) => identity.phase === "retrying"),
      "the sidecars did not try to renew",
      30_000,
    );
    await answered(100);
    const before = await mesh.sidecars();
    await mesh.run("certificate authority");
    await until(
      () => mesh.sidecars(),
      (all) => all.every(({ identity }, index) => identity.renewals > (before[index]?.identity.renewals ?? 0)),
      "the sidecars did not renew",
      30_000,
    );
    const samples = await total();
    expect(samples.failures).toEqual([]);
    expect((await mesh.authority()).roots).toEqual(roots);
  });
});

describe("without one of three replicas and its sidecar", () => {
  test("callers see no more errors than were in flight, and it gets traffic again once it is back", async () => {
    await answered(50);
    await Promise.all([mesh.kill("sidecar of reviews-v2"), mesh.kill("reviews-v2")]);
    await answered(200);
    await Promise.all([mesh.run("reviews-v2"), mesh.run("sidecar of reviews-v2")]);
    const { requests } = await mesh.count("reviews-v2");
    await until(
      () => mesh.count("reviews-v2"),
      (now) => now.requests > requests,
      "it gets no traffic",
      30_000,
    );
    await answered(50);
    const samples = await total();
    expect(samples.failures.length).toBeLessThanOrEqual(IN_FLIGHT);
    expect(samples.all.slice(-50).filter(({ status }) => status !== 200)).toEqual([]);
  });
});

import { createSocket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import { once } from "node:events";
import {
  createCluster,
  type DnsAddress,
  type DnsDiscoveryOptions,
  discoveryFromXds,
  type EndpointGroup,
  originalDestination,
  runDnsDiscovery,
  systemResolver,
} from "@weftmesh/lb";
import { manualScheduler, seededRandom } from "@weftmesh/lb/testing";
import { Cluster, type ClusterJson } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import { describe, expect, test } from "vitest";

async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

const ENDPOINTS: readonly EndpointGroup[] = [
  { locality: { zone: "a" }, weight: 3, hosts: [{ address: "shop.test:80", weight: 2 }, "cart.test:81"] },
];

function setUp(options: Partial<DnsDiscoveryOptions> = {}) {
  const scheduler = manualScheduler();
  const cluster = createCluster({}, { clock: scheduler, random: seededRandom(1) });
  const answers: Record<string, readonly DnsAddress[] | Error> = {};
  const asked: string[] = [];
  const running = runDnsDiscovery(
    cluster,
    { kind: "strict", endpoints: ENDPOINTS, ...options },
    {
      scheduler,
      random: () => 0.5,
      async resolve(name) {
        asked.push(`${scheduler.now()} ${name}`);
        await Promise.resolve();
        const answer = answers[name] ?? [];
        if (answer instanceof Error) throw answer;
        return answer;
      },
    },
  );
  const hosts = (): string[] => cluster.prioritySet.levels.flatMap((level) => level.hosts.map((host) => host.address));
  const pass = async (ms: number): Promise<void> => {
    scheduler.advance(ms);
    await settle();
  };
  return { cluster, answers, asked, running, hosts, pass };
}

describe("STRICT_DNS", () => {
  test("every address of every name is a host with the weight and place of its name", async () => {
    const { answers, cluster, hosts } = setUp();
    answers["shop.test"] = [{ address: "10.0.0.1" }, { address: "2001:db8::1" }];
    answers["cart.test"] = [{ address: "10.0.0.2" }];
    await settle();
    expect(hosts()).toEqual(["10.0.0.1:80", "[2001:db8::1]:80", "10.0.0.2:81"]);
    expect(cluster.host("10.0.0.1:80")).toMatchObject({ hostname: "shop.test", weight: 2, locality: { zone: "a" } });
  });

  test("names are looked up every five seconds, on their own", async () => {
    const { asked, pass } = setUp();
    await settle();
    await pass(4999);
    expect(asked).toEqual(["0 shop.test", "0 cart.test"]);
    await pass(1);
    expect(asked.slice(2)).toEqual(["5000 shop.test", "5000 cart.test"]);
  });

  test("the least time to live decides if it is respected, and one of 0 does not count", async () => {
    const { answers, asked, pass } = setUp({ respectTtl: true });
    answers["shop.test"] = [
      { address: "10.0.0.1", ttlMs: 900 },
      { address: "10.0.0.2", ttlMs: 300 },
    ];
    answers["cart.test"] = [{ address: "10.0.0.3", ttlMs: 0 }];
    await settle();
    await pass(300);
    expect(asked.slice(2)).toEqual(["300 shop.test"]);
    await pass(4700);
    expect(asked.at(-1)).toBe("5000 cart.test");
  });

  test("a failed look-up changes nothing and is repeated by its own rate, further and further apart", async () => {
    const { answers, asked, hosts, pass } = setUp({
      endpoints: [{ hosts: ["shop.test:80"] }],
      failureRefresh: { baseMs: 100, maxMs: 300 },
    });
    answers["shop.test"] = [{ address: "10.0.0.1" }];
    await settle();
    answers["shop.test"] = new Error("SERVFAIL");
    await pass(5000);
    expect(hosts()).toEqual(["10.0.0.1:80"]);
    for (let i = 0; i < 800; i++) await pass(1);
    // Half of 100, 200, 300, 300 … since every draw is a half.
    expect(asked.slice(1, 6)).toEqual([
      "5000 shop.test",
      "5050 shop.test",
      "5150 shop.test",
      "5300 shop.test",
      "5450 shop.test",
    ]);
  });

  test("a name without addresses has no hosts; hosts that stay keep what was learnt about them", async () => {
    const { answers, cluster, hosts, pass } = setUp();
    answers["shop.test"] = [{ address: "10.0.0.1" }];
    answers["cart.test"] = [{ address: "10.0.0.2" }];
    await settle();
    const kept = cluster.host("10.0.0.2:81");
    answers["shop.test"] = [];
    await pass(5000);
    expect(hosts()).toEqual(["10.0.0.2:81"]);
    expect(cluster.host("10.0.0.2:81")).toBe(kept);
  });

  test("a name whose answer never comes keeps the others from nothing", async () => {
    const scheduler = manualScheduler();
    const cluster = createCluster({}, { clock: scheduler, random: seededRandom(1) });
    runDnsDiscovery(
      cluster,
      { kind: "strict", endpoints: ENDPOINTS },
      {
        scheduler,
        random: () => 0.5,
        resolve: (name) =>
          name === "cart.test" ? new Promise(() => {}) : Promise.resolve([{ address: "10.0.0.1" }, { address: "::1" }]),
      },
    );
    await settle();
    expect(cluster.prioritySet.levels[0]?.hosts.map((host) => host.address)).toEqual(["10.0.0.1:80", "[::1]:80"]);
  });

  test("addresses the cluster does not accept, or that are none, are a look-up that failed", async () => {
    const heavy = [{ hosts: [{ address: "shop.test:80", weight: 2 ** 31 }] }];
    const { answers, hosts, asked, pass } = setUp({ endpoints: heavy });
    answers["shop.test"] = [{ address: "10.0.0.1" }];
    await settle();
    for (const wrong of [[{ address: "10.0.0.2" }, { address: "10.0.0.3" }], [{}], [null], 5]) {
      answers["shop.test"] = wrong as unknown as DnsAddress[];
      await pass(5000);
      expect(hosts()).toEqual(["10.0.0.1:80"]);
    }
    answers["shop.test"] = [{ address: "10.0.0.4" }];
    await pass(5000);
    expect(hosts()).toEqual(["10.0.0.4:80"]);
    expect(asked).toHaveLength(6);
  });

  test("an answer that comes after the cluster was disposed ends the look-ups", async () => {
    const { cluster, asked, pass } = setUp();
    cluster[Symbol.dispose]();
    await settle();
    await pass(60_000);
    expect(asked).toHaveLength(2);
  });

  test("nothing changes after disposal", async () => {
    const { answers, hosts, running, asked, pass } = setUp({ endpoints: ENDPOINTS });
    answers["shop.test"] = [{ address: "10.0.0.1" }];
    running[Symbol.dispose]();
    await settle();
    await pass(60_000);
    expect(hosts()).toEqual([]);
    expect(asked).toHaveLength(2);
  });
});

describe("LOGICAL_DNS", () => {
  test("the first address is the host, and stays while there is no other", async () => {
    const { answers, hosts, pass } = setUp({ kind: "logical", endpoints: [{ hosts: ["shop.test:80"] }] });
    answers["shop.test"] = [{ address: "10.0.0.1" }, { address: "10.0.0.2" }];
    await settle();
    expect(hosts()).toEqual(["10.0.0.1:80"]);
    answers["shop.test"] = [];
    await pass(5000);
    expect(hosts()).toEqual(["10.0.0.1:80"]);
    answers["shop.test"] = [{ address: "10.0.0.2" }];
    await pass(5000);
    expect(hosts()).toEqual(["10.0.0.2:80"]);
  });

  test("it takes exactly one name", () => {
    expect(() => setUp({ kind: "logical" })).toThrow(expect.objectContaining({ code: "ERR_LB_CONFIG_INVALID" }));
  });
});

describe("discoveryFromXds", () => {
  test("reads the rates and the names of a DNS cluster", () => {
    const address = { socket_address: { address: "shop.test", port_value: 80 } };
    const json = {
      name: "shop",
      type: "STRICT_DNS",
      dns_refresh_rate: "2s",
      respect_dns_ttl: true,
      dns_failure_refresh_rate: { base_interval: "0.1s" },
      dns_lookup_family: "V4_ONLY",
      load_assignment: { cluster_name: "shop", endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
    };
    expect(discoveryFromXds(Cluster.fromJson(json as ClusterJson))).toMatchObject({
      kind: "strict",
      endpoints: [{ hosts: [{ address: "shop.test:80" }] }],
      refreshRateMs: 2000,
      respectTtl: true,
      failureRefresh: { baseMs: 100 },
      family: "V4_ONLY",
    });
    expect(discoveryFromXds(Cluster.fromJson({ name: "s", type: "STATIC" }))).toBeUndefined();
  });
});

describe("systemResolver", () => {
  test("an address is itself, and a name of the hosts file is found", async () => {
    expect(await systemResolver("10.0.0.1", "AUTO")).toEqual([{ address: "10.0.0.1" }]);
    expect((await systemResolver("localhost", "V4_ONLY")).map(({ address }) => address)).toContain("127.0.0.1");
  });

  test("a resolver of one's own reaches a real name server", async () => {
    // A name server of one answer: shop.test is 127.0.0.9 for 30 seconds.
    const server = createSocket("udp4", (query, { port, address }) => {
      const answer = Buffer.from([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4, 127, 0, 0, 9]);
      const question = query.subarray(12, query.indexOf(0, 12) + 5);
      const header = Buffer.from([...query.subarray(0, 2), 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
      server.send(Buffer.concat([header, question, answer]), port, address);
    });
    server.bind(0, "127.0.0.1");
    await once(server, "listening");
    const dns = new Resolver();
    dns.setServers([`127.0.0.1:${server.address().port}`]);
    const scheduler = manualScheduler();
    const cluster = createCluster({}, { clock: scheduler, random: seededRandom(1) });
    let asked = 0;
    const resolved = new Promise<void>((resolve) => {
      runDnsDiscovery(
        cluster,
        { kind: "strict", endpoints: [{ hosts: ["shop.test:80"] }], respectTtl: true },
        {
          scheduler,
          async resolve(name) {
            asked += 1;
            if (asked === 2) resolve();
            const records = await dns.resolve4(name, { ttl: true });
            // Once the caller has applied the answer, time may pass.
            setImmediate(() => scheduler.advance(30_000));
            return records.map((record) => ({ address: record.address, ttlMs: record.ttl * 1000 }));
          },
        },
      );
    });
    await resolved;
    expect(cluster.host("127.0.0.9:80")?.hostname).toBe("shop.test");
    server.close();
  });
});

describe("ORIGINAL_DST", () => {
  function original(options: Parameters<typeof originalDestination>[0] = {}) {
    const clock = manualScheduler();
    const cluster = createCluster({ policy: originalDestination(options) }, { clock, random: seededRandom(1) });
    const to = (context: Parameters<typeof cluster.pick>[0]): string => {
      const pick = cluster.pick(context);
      if (pick.kind === "none") return pick.reason;
      pick.done({ result: "response", status: 200 });
      return pick.host.address;
    };
    return { clock, cluster, to };
  }

  test("requests go where their connection was meant to go, and hosts come into being by that", () => {
    const { cluster, to } = original();
    expect(to({ originalDestination: "10.0.0.1:80" })).toBe("10.0.0.1:80");
    const host = cluster.host("10.0.0.1:80");
    expect(to({ originalDestination: "10.0.0.1:80" })).toBe("10.0.0.1:80");
    expect(cluster.host("10.0.0.1:80")).toBe(host);
    expect(to({})).toBe("no-healthy-host");
  });

  test("a header names another place; what is no address is counted and passed over", () => {
    const { cluster, to } = original({ header: "x-envoy-original-dst-host", portOverride: 8080 });
    const header = (value: string) => (name: string) => (name === "x-envoy-original-dst-host" ? value : undefined);
    expect(to({ header: header("10.0.0.2:80"), originalDestination: "10.0.0.1:80" })).toBe("10.0.0.2:8080");
    expect(to({ header: header("evil.example:80"), originalDestination: "10.0.0.1:80" })).toBe("10.0.0.1:8080");
    expect(to({ header: header("300.0.0.1:80") })).toBe("no-healthy-host");
    expect(cluster.stats()["original_dst_host_invalid"]).toBe(2);
  });

  test("a host nobody asked for goes, one with a request under way stays", () => {
    const { clock, cluster, to } = original({ cleanupIntervalMs: 1000 });
    to({ originalDestination: "10.0.0.1:80" });
    const held = cluster.pick({ originalDestination: "10.0.0.2:80" });
    clock.advance(1000);
    cluster.tick();
    expect(cluster.stats()["membership_total"]).toBe(2);
    to({ originalDestination: "10.0.0.3:80" });
    clock.advance(1000);
    cluster.tick();
    expect(cluster.host("10.0.0.1:80")).toBeUndefined();
    expect(cluster.host("10.0.0.2:80")).toBeDefined();
    expect(cluster.host("10.0.0.3:80")).toBeDefined();
    if (held.kind === "host") held.done({ result: "response", status: 200 });
    clock.advance(2000);
    cluster.tick();
    cluster.tick(clock.now() + 2000);
    expect(cluster.stats()["membership_total"]).toBe(0);
  });
});

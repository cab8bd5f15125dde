/** The configuration server against bare grpc-js streams that move the same bytes. */
import { setTimeout as sleep } from "node:timers/promises";
import { createSnapshotCache, type EncodedResource, type MessageResource } from "@weftmesh/xds";
import { ClusterLoadAssignment } from "@weftmesh/xds-types/envoy/config/endpoint/v3";
import type { Bar, Measurement, MeasurementVariant, Row } from "./row.js";
import { barePublisher, ourPublisher, type Publisher, startClients, startServer } from "./xds/rig.js";

const CLIENTS = 1000;
const SMALL_BYTES = 1_000;
const LARGE_BYTES = 172_000;

function pushing(name: string, start: () => Promise<Publisher>): MeasurementVariant {
  return {
    name,
    async prepare(): Promise<Measurement> {
      const publisher = await start();
      const clients = await startClients(publisher.port, CLIENTS, 1);
      await publisher.change();
      return {
        async measure() {
          await sleep(20);
          const before = performance.now();
          await publisher.change();
          return performance.now() - before;
        },
        close() {
          clients.disconnect();
          publisher.close();
        },
      };
    },
  };
}

function pushRow(what: string, bytes: number, bar: Bar): Row {
  return {
    kind: "measurement",
    name: `xds server, ${what} to 1,000 delta clients, last acknowledgement`,
    unit: "ms",
    better: "lower",
    ours: pushing("@weftmesh/xds", () => ourPublisher(CLIENTS, bytes, 1)),
    against: [{ ...pushing("bare grpc-js streams", () => barePublisher(CLIENTS, bytes)), bar }],
  };
}

/** Growth of the resident set over idle while a large resource goes to everybody for the first time, in MB. */
function growing(name: string, kind: "ours" | "bare"): MeasurementVariant {
  return {
    name,
    prepare: (): Measurement => ({
      async measure() {
        const server = await startServer(kind, CLIENTS, SMALL_BYTES, 1);
        const clients = await startClients(server.port, CLIENTS, 1);
        const idle = await server.rss();
        const peak = await server.rss(LARGE_BYTES);
        clients.disconnect();
        server.close();
        return (peak - idle) / 2 ** 20;
      },
    }),
  };
}

/** What a thousand clients with 20 names each add to the resident set, for each of them, in KB. */
function idling(name: string, kind: "ours" | "bare"): MeasurementVariant {
  return {
    name,
    prepare: (): Measurement => ({
      async measure() {
        const server = await startServer(kind, CLIENTS, 100, 20);
        const empty = await server.rss();
        const clients = await startClients(server.port, CLIENTS, 20);
        const idle = await server.rss();
        clients.disconnect();
        server.close();
        return (idle - empty) / CLIENTS / 1024;
      },
    }),
  };
}

/** The slowest of 99 in 100 clients while one more never reads, against the same without that one. */
function besideStalled(name: string, stalled: number): MeasurementVariant {
  return {
    name,
    async prepare(): Promise<Measurement> {
      const publisher = await ourPublisher(CLIENTS, 20_000, 1);
      const clients = await startClients(publisher.port, CLIENTS, 1);
      const deaf = stalled === 0 ? undefined : await startClients(publisher.port, stalled, 1, "stall");
      for (let change = 0; change < 10; change++) await publisher.change();
      return {
        async measure() {
          await sleep(20);
          await publisher.change();
          return publisher.p99();
        },
        close() {
          clients.disconnect();
          deaf?.disconnect();
          publisher.close();
        },
      };
    },
  };
}

/** What a cache takes that holds 100 × 1,000 endpoints, in MB: heap and buffers, after a collection. */
function holding(name: string, form: "bytes" | "objects"): MeasurementVariant {
  return {
    name,
    prepare: (): Measurement => ({
      async measure() {
        const before = await settledMemory();
        if (form === "objects") {
          const resources = Array.from({ length: ASSIGNMENTS }, (_, index) => assignment(index, 0, HOSTNAME));
          const held = await settledMemory();
          return resources.length > 0 ? (held - before) / 2 ** 20 : 0;
        }
        const cache = createSnapshotCache();
        cache.set("n", encodedAssignments());
        const after = await settledMemory();
        return cache.nodes().length > 0 ? (after - before) / 2 ** 20 : 0;
      },
    }),
  };
}

function encodedAssignments(): readonly EncodedResource[] {
  return Array.from({ length: ASSIGNMENTS }, (_, index) => {
    const { typeUrl, name, message } = assignment(index, 0, HOSTNAME);
    const value = ClusterLoadAssignment.encode(message as ClusterLoadAssignment).slice();
    return { typeUrl, name, version: "1", value };
  });
}

const HOSTNAME = "h".repeat(140);

async function settledMemory(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.();
    await sleep(20);
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const ASSIGNMENTS = 100;
const ENDPOINTS_EACH = 1_000;

/** @param hostname - Makes an endpoint larger; with 140 characters an assignment has 172 KB. Default none. */
function assignment(index: number, change: number, hostname = ""): MessageResource {
  const name = `e${index}`;
  const lbEndpoints = Array.from({ length: ENDPOINTS_EACH }, (_, host) => {
    const address = `10.${index}.${host >> 8}.${host & 255}`;
    return {
      endpoint: { address: { socketAddress: { address, portValue: 8080 } }, hostname },
      loadBalancingWeight: host === 0 ? 1 + change : 1,
    };
  });
  const message: ClusterLoadAssignment = { clusterName: name, endpoints: [{ lbEndpoints }] };
  return { typeUrl: ClusterLoadAssignment.typeUrl, name, message };
}

/** Publishing 100 × 1,000 endpoints of which one changed. */
function publishing(name: string, kept: boolean): MeasurementVariant {
  return {
    name,
    prepare(): Measurement {
      const cache = createSnapshotCache();
      let change = 0;
      let resources = Array.from({ length: ASSIGNMENTS }, (_, index) => assignment(index, 0));
      cache.set("n", resources);
      return {
        measure() {
          change++;
          resources = resources.map((resource, index) =>
            !kept || index === 0 ? assignment(index, index === 0 ? change : 0) : resource,
          );
          const before = performance.now();
          cache.set("n", resources);
          return performance.now() - before;
        },
      };
    },
  };
}

export const rows: readonly Row[] = [
  pushRow("1 KB", SMALL_BYTES, { kind: "ratio", max: 2 }),
  pushRow("172 KB", LARGE_BYTES, { kind: "ratio", max: 2.5 }),
  {
    kind: "measurement",
    name: "xds server, growth of memory while 172 KB go to 1,000 clients",
    unit: "MB",
    better: "lower",
    ours: growing("@weftmesh/xds", "ours"),
    against: [
      {
        ...growing("bare grpc-js streams", "bare"),
        bar: { kind: "absolute", max: 64 },
      },
    ],
  },
  {
    kind: "measurement",
    name: "xds server, an idle client with 20 names",
    unit: "KB",
    better: "lower",
    ours: idling("@weftmesh/xds", "ours"),
    against: [{ ...idling("bare grpc-js streams", "bare"), bar: { kind: "absolute", max: 80 } }],
  },
  {
    kind: "measurement",
    name: "xds server, p99 of 1,000 clients beside one that never reads",
    unit: "ms",
    better: "lower",
    ours: besideStalled("one never reads", 1),
    against: [{ ...besideStalled("all read", 0), bar: { kind: "ratio", max: 1.5 } }],
  },
  {
    kind: "measurement",
    name: "xds cache, holding 100 × 1,000 endpoints",
    unit: "MB",
    better: "lower",
    ours: holding("as bytes", "bytes"),
    against: [{ ...holding("the messages alone, as objects", "objects"), bar: { kind: "absolute", max: 40 } }],
  },
  {
    kind: "measurement",
    name: "xds cache, 100 × 1,000 endpoints with one changed",
    unit: "ms",
    better: "lower",
    ours: publishing("unchanged objects given again", true),
    against: [{ ...publishing("all objects new", false), bar: { kind: "absolute", max: 20 } }],
  },
  {
    kind: "measurement",
    name: "xds cache, 100 × 1,000 endpoints, all objects new",
    unit: "ms",
    better: "lower",
    ours: publishing("all objects new", false),
    against: [{ ...publishing("unchanged objects given again", true), bar: { kind: "absolute", max: 600 } }],
  },
];

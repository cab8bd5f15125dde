/** xds-types against protobufjs' reflection and protobuf-es, over the same descriptors and the same bytes. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type MessageType, messageType } from "@weftmesh/xds-types";
import type { Bar, MeasurementVariant, Operation, OperationRow, Row } from "./row.js";
import { assignment, routes } from "./xds-types/payloads.js";

interface Payload {
  readonly name: string;
  readonly type: MessageType<unknown>;
  readonly json: () => unknown;
}

const CLA: Payload = {
  name: "assignment of 1,000 endpoints",
  type: messageType("envoy.config.endpoint.v3.ClusterLoadAssignment"),
  json: assignment,
};
const RC: Payload = {
  name: "table of 1,000 routes",
  type: messageType("envoy.config.route.v3.RouteConfiguration"),
  json: routes,
};

type Peers = typeof import("./xds-types/peers.js");
type Es = typeof import("@bufbuild/protobuf");

/** A variant of protobuf-es; the library is loaded in its own process alone. */
function es(bar: Bar, prepare: (es: Es, peers: Peers) => Operation): OperationRow["against"][number] {
  const load = async (): Promise<Operation> =>
    prepare(await import("@bufbuild/protobuf"), await import("./xds-types/peers.js"));
  return { name: "protobuf-es", prepare: load, bar };
}

/** A variant of protobufjs' reflection. */
function js(bar: Bar, prepare: (peers: Peers) => Operation): OperationRow["against"][number] {
  return { name: "protobufjs", prepare: async () => prepare(await import("./xds-types/peers.js")), bar };
}

function ratio(max: number): Bar {
  return { kind: "ratio", max };
}

function codecRows({ name, type, json }: Payload): readonly Row[] {
  const wire = (): Uint8Array => type.encode(type.fromJson(json()));
  return [
    {
      kind: "operation",
      name: `decode, ${name}`,
      ours: {
        name: "xds-types",
        prepare() {
          const bytes = wire();
          return () => type.decode(bytes);
        },
      },
      against: [
        js(ratio(1.2), (peers) => {
          const reflected = peers.protobufJs(type.typeName);
          const bytes = wire();
          return () => reflected.decode(bytes);
        }),
        es(ratio(1), ({ fromBinary }, peers) => {
          const described = peers.protobufEs(type.typeName).type;
          const bytes = wire();
          return () => fromBinary(described, bytes);
        }),
      ],
    },
    {
      kind: "operation",
      name: `encode, ${name}`,
      ours: {
        name: "xds-types",
        prepare() {
          const message = type.decode(wire());
          return () => type.encode(message);
        },
      },
      against: [
        js(ratio(1.2), (peers) => {
          const reflected = peers.protobufJs(type.typeName);
          const message = reflected.decode(wire());
          return () => reflected.encode(message).finish();
        }),
        es(ratio(1), ({ fromBinary, toBinary }, peers) => {
          const described = peers.protobufEs(type.typeName).type;
          const message = fromBinary(described, wire());
          return () => toBinary(described, message);
        }),
      ],
    },
  ];
}

function jsonRows({ name, type, json }: Payload, againstProtobufJs: readonly Bar[]): readonly Row[] {
  const wire = (): Uint8Array => type.encode(type.fromJson(json()));
  return [
    {
      kind: "operation",
      name: `ProtoJSON in, ${name}`,
      ours: {
        name: "xds-types",
        prepare() {
          const parsed = type.toJson(type.fromJson(json()));
          return () => type.fromJson(parsed);
        },
      },
      against: [
        es(ratio(2), ({ fromJson }, peers) => {
          const { type: described, registry } = peers.protobufEs(type.typeName);
          const parsed = type.toJson(type.fromJson(json())) as Parameters<Es["fromJson"]>[1];
          return () => fromJson(described, parsed, { registry });
        }),
        ...againstProtobufJs.map((bar) =>
          js(bar, (peers) => {
            const reflected = peers.protobufJs(type.typeName);
            const parsed = type.toJson(type.fromJson(json()));
            return () => reflected.fromJson(parsed);
          }),
        ),
      ],
    },
    {
      kind: "operation",
      name: `ProtoJSON out, ${name}`,
      ours: {
        name: "xds-types",
        prepare() {
          const message = type.decode(wire());
          return () => type.toJson(message);
        },
      },
      against: [
        es(ratio(2), ({ fromBinary, toJson }, peers) => {
          const { type: described, registry } = peers.protobufEs(type.typeName);
          const message = fromBinary(described, wire());
          return () => toJson(described, message, { registry });
        }),
        ...againstProtobufJs.map((bar) =>
          js(bar, (peers) => {
            const reflected = peers.protobufJs(type.typeName);
            const message = reflected.decode(wire());
            return () => reflected.toJson(message);
          }),
        ),
      ],
    },
  ];
}

function checkRow({ name, type, json }: Payload): Row {
  return {
    kind: "operation",
    name: `check, ${name}`,
    ours: {
      name: "check",
      prepare() {
        const message = type.fromJson(json());
        return () => type.check(message);
      },
    },
    against: [
      {
        name: "decode",
        prepare() {
          const bytes = type.encode(type.fromJson(json()));
          return () => type.decode(bytes);
        },
        bar: ratio(1),
      },
    ],
  };
}

const roundTrip = `
import { ClusterLoadAssignment } from "@weftmesh/xds-types/envoy/config/endpoint/v3";
const bytes = ClusterLoadAssignment.encode(ClusterLoadAssignment.fromJson({ cluster_name: "c", endpoints: [{ lb_endpoints: [
  { endpoint: { address: { socket_address: { address: "10.0.0.1", port_value: 80 } } } }] }] }));
if (ClusterLoadAssignment.decode(bytes).clusterName !== "c") process.exit(1);
`;

interface Exit {
  readonly ms: number;
  readonly megabytes: number;
}

async function run(code: string): Promise<Exit> {
  const report = "process.stdout.write(String(process.memoryUsage.rss()));";
  const start = process.hrtime.bigint();
  const child = spawn(process.execPath, ["--input-type=module", "--eval", code + report], {
    stdio: ["ignore", "pipe", "inherit"],
    cwd: new URL(".", import.meta.url),
  });
  let rss = "";
  child.stdout.on("data", (chunk) => {
    rss += String(chunk);
  });
  const [status] = (await once(child, "close")) as [number | null];
  if (status !== 0) throw new Error(`the program exited with ${status}`);
  return { ms: Number(process.hrtime.bigint() - start) / 1e6, megabytes: Number(rss) / 1e6 };
}

function measured(name: string, measure: () => Promise<number>): MeasurementVariant {
  return { name, prepare: () => ({ measure }) };
}

const startRows: readonly Row[] = [
  {
    kind: "measurement",
    name: "start-up with one assignment's round trip",
    unit: "ms",
    better: "lower",
    ours: measured("xds-types", async () => (await run(roundTrip)).ms),
    against: [{ ...measured("node alone", async () => (await run("")).ms), bar: ratio(2) }],
  },
  {
    kind: "measurement",
    name: "memory that one assignment's round trip adds to node",
    unit: "MB",
    better: "lower",
    ours: measured("xds-types", async () => (await run(roundTrip)).megabytes - (await run("")).megabytes),
    against: [{ ...measured("25 MB", async () => 25), bar: ratio(1) }],
  },
];

export const rows: readonly Row[] = [
  ...codecRows(CLA),
  ...codecRows(RC),
  ...jsonRows(CLA, [ratio(0.5)]),
  ...jsonRows(RC, []),
  checkRow(CLA),
  ...startRows,
];

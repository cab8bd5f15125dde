import { create, type Message, toBinary } from "@bufbuild/protobuf";
import { AnySchema, anyPack } from "@bufbuild/protobuf/wkt";
import { messageType } from "@weftmesh/xds-types";
import { describe, expect, test } from "vitest";
import { main } from "../../packages/xds-types/src/cli/main.js";
import { registry } from "./descriptors.js";

const clusterName = "envoy.config.cluster.v3.Cluster";
const responseName = "envoy.service.discovery.v3.DiscoveryResponse";

/** Made by protobuf-es, which has no part in what reads it here. */
function made(typeName: string, fields: Record<string, unknown>): { message: Message; bytes: Uint8Array } {
  const type = registry.getMessage(typeName);
  if (type === undefined) throw new Error(`no ${typeName}`);
  const message = create(type, fields as never);
  return { message, bytes: toBinary(type, message) };
}

function packed(typeName: string, fields: Record<string, unknown>): Message {
  const type = registry.getMessage(typeName);
  if (type === undefined) throw new Error(`no ${typeName}`);
  return anyPack(type, create(type, fields as never));
}

async function run(
  argv: readonly string[],
  files: Record<string, Uint8Array>,
): Promise<{ code: number; out: string; bytes: Uint8Array | undefined; err: string }> {
  let out = "";
  let err = "";
  let bytes: Uint8Array | undefined;
  const code = await main(argv, {
    out: (piece) => {
      if (typeof piece === "string") out += piece;
      else bytes = piece;
    },
    err: (text) => (err += text),
    read: (file) => files[file] ?? new Uint8Array(0),
  });
  return { code, out, bytes, err };
}

const cluster = made(clusterName, { name: "c", connectTimeout: { seconds: 1n } }).bytes;
const fromBinary = ["--from", "binary"];

describe("weft-types reads binary", () => {
  test("a message of the type that is named, to YAML", async () => {
    const { code, out, err } = await run(["convert", ...fromBinary, "--type", clusterName, "-"], { "-": cluster });
    expect({ code, out, err }).toEqual({
      code: 0,
      err: "",
      out: `"@type": type.googleapis.com/${clusterName}\nname: c\nconnect_timeout: 1s\n`,
    });
  });

  test("and back, byte for byte", async () => {
    const argv = ["convert", ...fromBinary, "--type", clusterName, "-", "--to", "binary"];
    expect((await run(argv, { "-": cluster })).bytes).toEqual(cluster);
  });

  test("a discovery response, the default", async () => {
    const response = made(responseName, {
      versionInfo: "7",
      resources: [packed(clusterName, { name: "a" }), packed(clusterName, { name: "b" })],
    });
    const { code, out } = await run(["validate", ...fromBinary, "-", "--json"], { "-": response.bytes });
    expect(code).toBe(0);
    const typeUrl = `type.googleapis.com/${clusterName}`;
    expect(JSON.parse(out)).toEqual({
      resources: [
        { typeUrl, name: "a" },
        { typeUrl, name: "b" },
      ],
      issues: [],
    });
  });

  test("a bootstrap", async () => {
    const { bytes } = made("envoy.config.bootstrap.v3.Bootstrap", { staticResources: { clusters: [{ name: "c" }] } });
    const argv = ["validate", ...fromBinary, "--type", "envoy.config.bootstrap.v3.Bootstrap", "-"];
    expect(await run(argv, { "-": bytes })).toMatchObject({ code: 0, out: "1 in order, 0 errors, 0 warnings\n" });
  });

  test("files that end in pb or binpb, in diff too", async () => {
    const response = (name: string): Uint8Array =>
      made(responseName, { resources: [packed(clusterName, { name })] }).bytes;
    const files = { "a.pb": response("a"), "b.binpb": response("b") };
    const { code, out } = await run(["diff", "a.pb", "b.binpb"], files);
    expect({ code, out }).toEqual({ code: 1, out: `removed ${clusterName} "a"\nadded ${clusterName} "b"\n` });
  });

  test("breaches of rules have their paths, also inside an Any", async () => {
    const options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    const { bytes } = made(clusterName, {
      name: "",
      connectTimeout: {},
      typedExtensionProtocolOptions: { [options]: packed(options, {}) },
    });
    const { code, err } = await run(["validate", ...fromBinary, "--type", clusterName, "-"], { "-": bytes });
    expect(code).toBe(1);
    expect(err.split("\n").map((line) => line.slice(0, line.indexOf(": ", 6)))).toEqual([
      "-:1:1 name",
      "-:1:1 connect_timeout",
      `-:1:1 typed_extension_protocol_options["${options}"]`,
      "",
    ]);
  });

  test.each([
    { name: "nothing", bytes: [], says: "-:1:1 the input is empty (ERR_XDS_TYPES_RESOURCE)" },
    { name: "garbage", bytes: [0xff, 0xff, 0xff], says: `not the wire format of ${responseName}` },
    { name: "a text", bytes: [...Buffer.from("name: c\n")], says: `not the wire format of ${responseName}` },
    { name: "a message cut short", bytes: [0x0a, 5, 97], says: `not the wire format of ${responseName}` },
    { name: "a message of another type", bytes: [...cluster], says: "name its type (ERR_XDS_TYPES_RESOURCE)" },
  ])("$name is one problem and exit 1", async ({ bytes, says }) => {
    for (const command of ["validate", "convert"]) {
      const { code, err } = await run([command, ...fromBinary, "-"], { "-": Uint8Array.from(bytes) });
      expect(code).toBe(1);
      expect(err).toContain(says);
      expect(err.trimEnd()).not.toContain("\n");
    }
  });

  test("a broken resource in a response is named", async () => {
    const any = create(AnySchema, { typeUrl: `type.googleapis.com/${clusterName}`, value: Uint8Array.of(0x0a, 9) });
    const { bytes } = made(responseName, { resources: [packed(clusterName, { name: "a" }), any] });
    const { code, err } = await run(["validate", ...fromBinary, "-"], { "-": bytes });
    expect(code).toBe(1);
    expect(err).toMatch(/^-:1:1 resources\[1\]: not the wire format of envoy\.config\.cluster\.v3\.Cluster/);
  });

  test("a type there is not is said to be so", async () => {
    const { code, err } = await run(["validate", ...fromBinary, "--type", "no.Such", "-"], { "-": cluster });
    expect(code).toBe(1);
    expect(err).toBe("-:1:1 the schema has no message no.Such (ERR_XDS_TYPES_UNKNOWN_TYPE)\n");
  });

  test("Anys in Anys beyond the depth that messages have are refused", async () => {
    const type = messageType<unknown, unknown>("google.protobuf.Any");
    let bytes: Uint8Array = new Uint8Array(0);
    for (let level = 0; level < 5000; level++) {
      bytes = type.encode({ typeUrl: "x/google.protobuf.Any", value: bytes });
    }
    const any = { typeUrl: "x/google.protobuf.Any", value: bytes };
    expect(() => type.toJson(any)).toThrow(expect.objectContaining({ code: "ERR_XDS_TYPES_LIMIT" }));
    const response = messageType<unknown, unknown>(responseName).encode({ resources: [any] });
    const { code, err } = await run(["validate", ...fromBinary, "-"], { "-": response });
    expect(code).toBe(1);
    expect(err).toMatch(/^-:1:1 resources\[0\].*more than 100 deep \(ERR_XDS_TYPES_LIMIT\)\n$/);
  });
});

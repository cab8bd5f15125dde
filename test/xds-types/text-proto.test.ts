import { type DescMessage, toBinary } from "@bufbuild/protobuf";
import { messageType, parseResources } from "@weftmesh/xds-types";
import { Cluster, type ClusterJson } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import { messageDescriptor } from "@weftmesh/xds-types/schema";
import protobuf from "protobufjs";
import "protobufjs/ext/descriptor.js";
import textformat from "protobufjs/ext/textformat.js";
import { describe, expect, test } from "vitest";
import { readTextProto } from "../../packages/xds-types/src/text/read-text-proto.js";
import { writeTextProto } from "../../packages/xds-types/src/text/write-text-proto.js";
import { descriptorSet, messages } from "./descriptors.js";
import { RandomMessages } from "./random-message.js";

textformat.install();
const root = protobuf.Root.fromDescriptor(descriptorSet);
const random = new RandomMessages(7);
const proto3 = messages.filter((message) => message.file.edition !== 998);

// From descriptors protobufjs keeps a field's camelCase name only, and cannot spell every one of them back.
const unspellable = new RegExp(
  `\\b(?:${[
    ...new Set(
      messages
        .flatMap(({ fields }) => fields)
        .filter(
          ({ name, jsonName }) =>
            /[0-9]/.test(name) ||
            jsonName.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`) !== name ||
            /_[a-z](?:_|$)/.test(name),
        )
        .map(({ name }) => name),
    ),
  ].join("|")})\\b`,
);

interface TextType {
  readonly decode: (bytes: Uint8Array) => protobuf.Message;
  readonly encode: (message: protobuf.Message) => protobuf.Writer;
  readonly toText: (message: protobuf.Message) => string;
  readonly fromText: (text: string) => protobuf.Message;
}

function read(type: string, text: string): Uint8Array {
  const { documents, issues } = readTextProto(messageDescriptor(type), text, "x.textproto");
  expect(issues).toEqual([]);
  const ours = messageType(type);
  return ours.encode(ours.fromJson(documents[0]?.value));
}

describe("protobuf's text format", () => {
  test("agrees with protobufjs in both directions on a generated message of every type", () => {
    let compared = 0;
    for (const type of proto3) {
      const ours = messageType(type.typeName);
      const encoded = ours.encode(ours.decode(bytes(type)));
      const text = writeTextProto(messageDescriptor(type.typeName), ours.decode(encoded));
      expect(read(type.typeName, text), type.typeName).toEqual(encoded);
      if (unspellable.test(text)) continue;
      compared += 1;
      const theirs = root.lookupType(type.typeName) as unknown as TextType;
      const parsed = theirs.fromText(text);
      expect(ours.encode(ours.decode(theirs.encode(parsed).finish())), `${type.typeName}, theirs`).toEqual(encoded);
      const their = theirs.toText(theirs.decode(encoded));
      // It prints 64-bit map keys as the bytes that it holds them in.
      if (/key: [^"\w-]/.test(their)) continue;
      expect(read(type.typeName, their), `${type.typeName}, their text`).toEqual(encoded);
    }
    expect(compared).toBeGreaterThan(1_000);
  }, 60_000);

  const cluster = (text: string): unknown => {
    const { documents, issues } = readTextProto(messageDescriptor(Cluster.typeName), text, "x.textproto");
    if (issues.length > 0) return issues.map(({ line, column, message }) => `${line}:${column} ${message}`);
    return Cluster.fromJson(documents[0]?.value as ClusterJson);
  };

  // https://protobuf.dev/reference/protobuf/textformat-spec/
  test.each([
    { name: "comments, both quotes, strings in parts", text: "# c\nname: 'a' \"b\" # d\n", expected: { name: "ab" } },
    {
      name: "angle brackets and separators",
      text: "connect_timeout: < seconds: 1; nanos: 5, >;",
      expected: { connectTimeout: { seconds: 1n, nanos: 5 } },
    },
    {
      name: "enums by name and number",
      text: "type: EDS lb_policy: 2",
      expected: { type: "EDS", lbPolicy: "RING_HASH" },
    },
    {
      name: "lists in brackets",
      text: "health_checks: [{}, <>] health_checks {}",
      expected: { healthChecks: [{}, {}, {}] },
    },
    { name: "escapes", text: String.raw`name: "\x41\102\n\u00e9\"\'"`, expected: { name: "AB\né\"'" } },
    {
      name: "wrappers as the messages they are",
      text: "max_requests_per_connection { value: 0x1F }",
      expected: { maxRequestsPerConnection: 31 },
    },
    { name: "booleans", text: "respect_dns_ttl: t", expected: { respectDnsTtl: true } },
    {
      name: "an unknown field",
      text: "\n  nam: 1",
      expected: ["2:3 envoy.config.cluster.v3.Cluster has no field nam"],
    },
    { name: "a field twice", text: 'name: "a" name: "b"', expected: ["1:11 name is given twice"] },
    {
      name: "an open message",
      text: "connect_timeout {",
      expected: ["1:18 expected a field, found the end of the text"],
    },
  ])("$name", ({ text, expected }) => {
    expect(cluster(text)).toEqual(expected);
  });

  test("rules know their place", () => {
    const text = "name: 'a'\nconnect_timeout {}";
    expect(parseResources(text, { syntax: "text-proto", type: Cluster.typeName }).issues).toMatchObject([
      { code: "ERR_XDS_TYPES_RULE", path: "connect_timeout", line: 2, column: 1 },
    ]);
  });

  test("a discovery response holds resources in expanded Anys", () => {
    const text = 'resources { [type.googleapis.com/envoy.config.cluster.v3.Cluster] { name: "c" } }';
    expect(parseResources(text, { syntax: "text-proto" })).toMatchObject({ resources: [{ name: "c" }], issues: [] });
  });
});

function bytes(type: DescMessage): Uint8Array {
  return toBinary(type, random.next(type));
}

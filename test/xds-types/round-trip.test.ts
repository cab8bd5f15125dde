import { type DescMessage, equals, fromBinary, type Message, toBinary, toJson } from "@bufbuild/protobuf";
import { messageType } from "@weftmesh/xds-types";
import { describe, expect, test, vi } from "vitest";
import { readDocuments } from "../../packages/xds-types/src/text/document.js";
import { writeYaml } from "../../packages/xds-types/src/text/write-yaml.js";
import { messages, registry } from "./descriptors.js";
import { RandomMessages } from "./random-message.js";

// The long form is WEFTMESH_ROUND_TRIPS=200.
const perType = Number(process.env["WEFTMESH_ROUND_TRIPS"] ?? (process.env["CI"] === undefined ? 4 : 20));
// proto2 files are in the set for their options only; their JSON differs in presence and nobody writes it.
const proto3 = messages.filter((message) => message.file.edition !== 998);
vi.setConfig({ testTimeout: perType * 60_000 });
const random = new RandomMessages(20_261_121);

function cases(type: DescMessage): Message[] {
  return Array.from({ length: perType }, () => random.next(type));
}

describe.each([...new Set(proto3.map((message) => message.file.proto.package))])("%s", (pkg) => {
  const own = proto3.filter((message) => message.file.proto.package === pkg);

  test("binary agrees with protobuf-es in both directions and is stable", () => {
    for (const type of own) {
      const ours = messageType(type.typeName);
      for (const message of cases(type)) {
        const encoded = ours.encode(ours.decode(toBinary(type, message)));
        const back = fromBinary(type, encoded);
        // NaN is not equal to itself there; the JSON comparison below covers it.
        expect(equals(type, message, back) || sameJson(type, message, back), type.typeName).toBe(true);
        expect(ours.encode(ours.decode(encoded)), type.typeName).toEqual(encoded);
      }
    }
  });

  test("survives binary, JSON, YAML, JSON, binary byte for byte", () => {
    for (const type of own) {
      const ours = messageType(type.typeName);
      for (const message of cases(type)) {
        const encoded = ours.encode(ours.decode(toBinary(type, message)));
        const yaml = writeYaml(ours.toJson(ours.decode(encoded)));
        const { documents, issues } = readDocuments(yaml, "message.yaml");
        expect(issues, type.typeName).toEqual([]);
        const back = ours.toJson(ours.fromJson(documents[0]?.value));
        expect(Buffer.compare(ours.encode(ours.fromJson(back)), encoded), type.typeName).toBe(0);
      }
    }
  });

  test("canonical JSON agrees with protobuf-es in both directions", () => {
    for (const type of own) {
      const ours = messageType(type.typeName);
      for (const message of cases(type)) {
        const plain = ours.decode(toBinary(type, message));
        const json = toJson(type, message, { registry });
        expect(JSON.parse(JSON.stringify(ours.toJson(plain))), type.typeName).toEqual(JSON.parse(JSON.stringify(json)));
        expect(ours.encode(ours.fromJson(json)), type.typeName).toEqual(ours.encode(plain));
        const snake = ours.toJson(plain, { fieldNames: "snake_case" });
        expect(ours.encode(ours.fromJson(snake)), type.typeName).toEqual(ours.encode(plain));
      }
    }
  });
});

function sameJson(type: DescMessage, a: Message, b: Message): boolean {
  return (
    JSON.stringify(sorted(toJson(type, a, { registry }))) === JSON.stringify(sorted(toJson(type, b, { registry })))
  );
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.entries(value)
    .map(([key, item]) => [key, sorted(item)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

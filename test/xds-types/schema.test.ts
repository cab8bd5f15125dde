import { getOption, hasOption } from "@bufbuild/protobuf";
import { findMessage, messageNames, packageNames } from "@weftmesh/xds-types/schema";
import { describe, expect, test } from "vitest";
import { messages, registry } from "./descriptors.js";

const ours = packageNames().flatMap(messageNames);

describe("the schema", () => {
  // The figures of the set that is pinned, counted by another program over the same modules.
  test("has the files, messages, rules and required oneofs of Envoy 1.40.0", () => {
    expect([...registry.files]).toHaveLength(533);
    expect(ours).toHaveLength(1567);
    const fields = ours.flatMap((name) => findMessage(name)?.fields ?? []);
    expect(fields).toHaveLength(5459);
    expect(fields.filter((field) => field.rules !== undefined)).toHaveLength(1246);
    const oneofs = ours.flatMap((name) => findMessage(name)?.oneofs ?? []);
    expect(oneofs.filter((oneof) => oneof.required)).toHaveLength(126);
  });

  test("has the same messages and fields as the descriptors", () => {
    expect([...ours].sort()).toEqual(messages.map((message) => message.typeName).sort());
    for (const message of messages) {
      const fields = findMessage(message.typeName)?.fields.map((field) => [field.number, field.name, field.jsonName]);
      const expected = message.fields.map((field) => [field.number, field.name, field.jsonName]);
      expect(fields, message.typeName).toEqual(expected.sort(([a], [b]) => Number(a) - Number(b)));
    }
  });

  test("keeps every rule, those whose value is an empty message too", () => {
    const extension = registry.getExtension("validate.rules");
    if (extension === undefined) throw new Error("validate.rules is missing");
    for (const message of messages) {
      for (const field of message.fields) {
        const found = findMessage(message.typeName)?.fields.find((one) => one.number === field.number);
        expect(found?.rules !== undefined, `${field}`).toBe(hasOption(field, extension));
      }
    }
    const timeout = findMessage("envoy.config.cluster.v3.Cluster")?.fields.find(
      (one) => one.name === "connect_timeout",
    );
    expect(timeout?.rules).toEqual({ duration: { gt: "0s" } });
    const field = registry
      .getMessage("envoy.config.cluster.v3.Cluster")
      ?.fields.find((one) => one.name === "connect_timeout");
    expect(field && getOption(field, extension)).toMatchObject({ type: { case: "duration" } });
  });
});

import { create, fromJson, type JsonValue, toBinary, toJson } from "@bufbuild/protobuf";
import { FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import { messageType, XdsTypesError } from "@weftmesh/xds-types";
import { describe, expect, test } from "vitest";
import { tryReadJson } from "../../packages/xds-types/src/json/read.js";
import { writeJson } from "../../packages/xds-types/src/json/write.js";
import { registry } from "./descriptors.js";
import { type Row, refused } from "./protojson-row.js";
import { rows } from "./protojson-rows.js";

/** What a reader makes of JSON: the bytes and the canonical JSON of the message, or that it refuses. */
type Verdict = { readonly bytes: Uint8Array; readonly json: unknown } | typeof refused;

function ours({ type, json }: Row): Verdict {
  const own = messageType(type);
  try {
    const message = own.fromJson(json);
    return { bytes: own.encode(message), json: asText(own.toJson(message)) };
  } catch (error) {
    if (error instanceof XdsTypesError) return refused;
    throw error;
  }
}

function theirs({ type, json }: Row): Verdict {
  const descriptor = registry.getMessage(type);
  if (descriptor === undefined) throw new Error(`no ${type}`);
  try {
    const message = fromJson(descriptor, json as JsonValue, { registry });
    const canonical = asText(toJson(descriptor, message, { registry }));
    // Map entries and unset defaults have no fixed order or presence on the wire: ours is the canonical form of both.
    const own = messageType(type);
    return { bytes: own.encode(own.decode(toBinary(descriptor, message))), json: canonical };
  } catch {
    return refused;
  }
}

function asText(json: unknown): unknown {
  return JSON.parse(JSON.stringify(json));
}

describe.each([...new Set(rows.map(({ rule }) => rule))])("ProtoJSON: %s", (rule) => {
  test.each(rows.filter((row) => row.rule === rule))("$name", (row) => {
    const { canonical, differs } = row;
    const own = ours(row);
    expect(own === refused ? refused : own.json).toEqual(canonical);
    const peer = theirs(row);
    if (differs === undefined) expect(peer).toEqual(own);
    // A difference that is no longer there is to be taken out of the table.
    else expect(peer, differs).not.toEqual(own);
  });
});

// No message of the pinned set has one; the codec reads them for descriptors of users.
describe("ProtoJSON: field masks", () => {
  const typeName = "google.protobuf.FieldMask";
  const type = { typeName, fields: [], oneofs: [], deprecated: false, workInProgress: false };

  test.each([
    { name: "none", json: "", paths: [] },
    { name: "camelCase", json: "fooBar,baz.quxQuux", paths: ["foo_bar", "baz.qux_quux"] },
    { name: "snake_case", json: "foo_bar", paths: undefined },
    { name: "a list", json: ["a"], paths: undefined },
  ])("$name", ({ json, paths }) => {
    const { message, issues } = tryReadJson(type, json);
    if (paths === undefined) {
      expect(issues).toMatchObject([{ code: "ERR_XDS_TYPES_JSON" }]);
      expect(() => fromJson(FieldMaskSchema, json)).toThrow();
      return;
    }
    expect((message as { paths?: readonly string[] }).paths ?? []).toEqual(paths);
    expect(fromJson(FieldMaskSchema, json as string).paths).toEqual(paths);
    expect(writeJson(type, message)).toBe(json);
    expect(toJson(FieldMaskSchema, create(FieldMaskSchema, { paths }))).toBe(json);
  });

  test.each(["fooBar", "foo_3_bar", "foo__bar"])("%s has no form that could be read back", (path) => {
    expect(() => writeJson(type, { paths: [path] })).toThrow(expect.objectContaining({ code: "ERR_XDS_TYPES_VALUE" }));
    expect(() => toJson(FieldMaskSchema, create(FieldMaskSchema, { paths: [path] }))).toThrow();
  });
});

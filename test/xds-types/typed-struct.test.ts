import { pack, unwrapTypedStruct } from "@weftmesh/xds-types";
import { Cluster } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import { TypedStruct as UdpaTypedStruct } from "@weftmesh/xds-types/udpa/type/v1";
import { TypedStruct } from "@weftmesh/xds-types/xds/type/v3";
import { expect, test } from "vitest";

const value = { name: "c", connect_timeout: "1s" };
const carried = { typeUrl: Cluster.typeUrl, message: { name: "c", connectTimeout: { seconds: 1n } } };

test.each([
  { name: "xds", type: TypedStruct },
  { name: "udpa", type: UdpaTypedStruct },
])("what a TypedStruct of $name carries is read as its type, open or still bytes", ({ type }) => {
  const struct = { typeUrl: Cluster.typeUrl, value };
  expect(unwrapTypedStruct(pack(type, struct))).toEqual(carried);
  expect(unwrapTypedStruct({ typeUrl: type.typeUrl, value: type.encode(struct) })).toEqual(carried);
});

test("anything else is opened", () => {
  expect(unwrapTypedStruct({ typeUrl: Cluster.typeUrl, value: Cluster.encode({ name: "c" }) })).toEqual({
    typeUrl: Cluster.typeUrl,
    message: { name: "c" },
  });
});

test("problems name the path and the type", () => {
  const unknown = pack(TypedStruct, { typeUrl: "x/no.Such", value: {} });
  expect(() => unwrapTypedStruct(unknown)).toThrow(expect.objectContaining({ code: "ERR_XDS_TYPES_UNKNOWN_TYPE" }));
  const broken = pack(TypedStruct, { typeUrl: Cluster.typeUrl, value: { nam: 1 } });
  expect(() => unwrapTypedStruct(broken, { path: "filter.typed_config.value" })).toThrow(
    expect.objectContaining({ code: "ERR_XDS_TYPES_UNKNOWN_FIELD", path: "filter.typed_config.value.nam" }),
  );
});

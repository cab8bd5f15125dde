/** The other libraries over the same descriptors that xds-types was generated from. */
import { readFileSync } from "node:fs";
import { brotliDecompressSync } from "node:zlib";
import { createFileRegistry, type DescMessage, type FileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import protobuf from "protobufjs";
import "protobufjs/ext/descriptor.js";
import protojson from "protobufjs/ext/protojson.js";

// The benchmarks run built, one folder further down.
const set = new URL("../../../test/xds-types/testdata/envoy.binpb.br", import.meta.url);

function descriptors(): Uint8Array {
  return brotliDecompressSync(readFileSync(set));
}

/** A message type of protobuf-es, with the registry its `Any`s need. */
export function protobufEs(typeName: string): { readonly type: DescMessage; readonly registry: FileRegistry } {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors()));
  const type = registry.getMessage(typeName);
  if (type === undefined) throw new Error(`no ${typeName} in the descriptors`);
  return { type, registry };
}

/** A message type of protobufjs' reflection, ProtoJSON included. */
export function protobufJs(typeName: string): protobuf.Type {
  protojson.install();
  const root = protobuf.Root.fromDescriptor(descriptors());
  root.resolveAll();
  return root.lookupType(typeName);
}

import { readFileSync } from "node:fs";
import { brotliDecompressSync } from "node:zlib";
import { createFileRegistry, type DescMessage, type FileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

/** The pinned descriptors, encoded. */
export const descriptorSet: Uint8Array = brotliDecompressSync(
  readFileSync(new URL("./testdata/envoy.binpb.br", import.meta.url)),
);

/** The pinned schema as protobuf-es reads it: the other opinion in these tests. */
export const registry: FileRegistry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSet));

/** Every message of the set, nested ones included, map entries not. */
export const messages: readonly DescMessage[] = [...registry.files].flatMap((file) =>
  file.messages.flatMap(withNested),
);

function withNested(message: DescMessage): DescMessage[] {
  return [message, ...message.nestedMessages.flatMap(withNested)];
}

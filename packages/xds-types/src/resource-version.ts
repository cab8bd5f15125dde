import { messageDescriptor } from "./descriptor.js";
import { sha256 } from "./sha256.js";
import { typeNameOf } from "./type-url.js";
import { encodeMessage } from "./wire/encode.js";

/**
 * The version of a resource: a hash of its content. Equal messages have equal versions, in every process and after
 * every restart, so a client that reconnects elsewhere is sent only what differs.
 *
 * @param resource - Its type and its message, as {@link parseResources} gives them.
 * @returns 32 hexadecimal digits: the first half of the SHA-256 of the type's name and the encoded message.
 * @throws {@link XdsTypesError} `ERR_XDS_TYPES_UNKNOWN_TYPE` if the schema does not have the type,
 * `ERR_XDS_TYPES_VALUE` if the message cannot be encoded.
 */
export function resourceVersion(resource: { readonly typeUrl: string; readonly message: unknown }): string {
  const typeName = typeNameOf(resource.typeUrl);
  const name = new TextEncoder().encode(`${typeName}\n`);
  const body = encodeMessage(messageDescriptor(typeName), resource.message);
  const bytes = new Uint8Array(name.length + body.length);
  bytes.set(name);
  bytes.set(body, name.length);
  return [...sha256(bytes).subarray(0, 16)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

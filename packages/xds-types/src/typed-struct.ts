import { openAny } from "./any.js";
import { messageDescriptor } from "./descriptor.js";
import { readJson } from "./json/read.js";
import type { Any, JsonReadOptions, KnownAny } from "./message.js";
import { typeNameOf } from "./type-url.js";

const wrapping: ReadonlySet<string> = new Set(["xds.type.v3.TypedStruct", "udpa.type.v1.TypedStruct"]);

/**
 * Opens an `Any`, and takes out of a `TypedStruct` the message that it carries as JSON, as Envoy does for extensions.
 *
 * @throws {@link XdsTypesError} `ERR_XDS_TYPES_UNKNOWN_TYPE` if the schema does not have a type, `ERR_XDS_TYPES_WIRE` if
 * bytes are not such a message, and all problems of the JSON.
 */
export function unwrapTypedStruct(any: Any, options: JsonReadOptions = {}): KnownAny {
  const opened = openAny(any);
  if (!wrapping.has(typeNameOf(opened.typeUrl))) return opened;
  const { typeUrl = "", value = {} } = opened.message as { readonly typeUrl?: string; readonly value?: unknown };
  return { typeUrl, message: readJson(messageDescriptor(typeNameOf(typeUrl)), value, options) };
}

import { findMessage } from "./descriptor.js";
import { XdsTypesError } from "./errors.js";
import type { Any, KnownAny, MessageType } from "./message.js";
import { typeNameOf } from "./type-url.js";
import { decodeMessage } from "./wire/decode.js";

/** Puts a message into an `Any`. It stays plain data; it is encoded with whatever holds the `Any`. */
export function pack<T, J>(type: MessageType<T, J>, message: T): KnownAny {
  return { typeUrl: type.typeUrl, message };
}

/**
 * Takes a message of a type out of an `Any`; nothing if it holds another type.
 *
 * @throws {@link XdsTypesError} `ERR_XDS_TYPES_WIRE` if it is opaque and its bytes are not such a message.
 */
export function unpack<T, J>(type: MessageType<T, J>, any: Any | undefined): T | undefined {
  if (any === undefined || typeNameOf(any.typeUrl) !== type.typeName) return undefined;
  return any.value === undefined ? (any.message as T) : type.decode(any.value);
}

/**
 * Takes a message of a type out of an `Any` that must hold one: the configuration of an extension.
 *
 * @param path - Where the `Any` stands in the user's input.
 * @throws {@link XdsTypesError} `ERR_XDS_TYPES_UNEXPECTED_TYPE` with this path if it is missing or holds another type,
 * `ERR_XDS_TYPES_WIRE` if its bytes are not such a message.
 */
export function unpackAs<T, J>(type: MessageType<T, J>, any: Any | undefined, path: string): T {
  const message = unpack(type, any);
  if (message !== undefined) return message;
  const found = any === undefined ? "nothing" : typeNameOf(any.typeUrl);
  const problem = `expected ${type.typeName}, found ${found}`;
  throw new XdsTypesError([{ code: "ERR_XDS_TYPES_UNEXPECTED_TYPE", path, message: problem }]);
}

/**
 * Opens an `Any` of any type of the schema.
 *
 * @throws {@link XdsTypesError} `ERR_XDS_TYPES_UNKNOWN_TYPE` if the schema does not have its type,
 * `ERR_XDS_TYPES_WIRE` if its bytes are not such a message.
 */
export function openAny(any: Any): KnownAny {
  if (any.value === undefined) return any;
  const type = findMessage(typeNameOf(any.typeUrl));
  if (type !== undefined) return { typeUrl: any.typeUrl, message: decodeMessage(type, any.value) };
  const message = `the schema has no message ${typeNameOf(any.typeUrl)}`;
  throw new XdsTypesError([{ code: "ERR_XDS_TYPES_UNKNOWN_TYPE", path: "", message }]);
}

import { checkMessage } from "./check.js";
import { messageDescriptor } from "./descriptor.js";
import { readJson } from "./json/read.js";
import { writeJson } from "./json/write.js";
import type {
  CheckOptions,
  DecodeOptions,
  JsonReadOptions,
  JsonValue,
  JsonWriteOptions,
  MessageType,
} from "./message.js";
import { urlOf } from "./type-url.js";
import { decodeMessage } from "./wire/decode.js";
import { encodeMessage } from "./wire/encode.js";

/** Makes the value of a message type. The schema of the type is read when one of its functions is first called. */
export function messageType<T, J>(typeName: string): MessageType<T, J> {
  return {
    typeName,
    typeUrl: urlOf(typeName),
    fromJson: (json: J, options?: JsonReadOptions): T => readJson(messageDescriptor(typeName), json, options) as T,
    toJson: (message: T, options?: JsonWriteOptions): JsonValue =>
      writeJson(messageDescriptor(typeName), message, options, decodeMessage),
    decode: (bytes: Uint8Array, options?: DecodeOptions): T =>
      decodeMessage(messageDescriptor(typeName), bytes, options) as T,
    encode: (message: T): Uint8Array => encodeMessage(messageDescriptor(typeName), message),
    check: (message: T, options?: CheckOptions) => checkMessage(messageDescriptor(typeName), message, options),
  };
}

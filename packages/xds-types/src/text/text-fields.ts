import { findMessage, type MessageDescriptor } from "../descriptor.js";
import type { Any, JsonValue } from "../message.js";
import { typeNameOf } from "../type-url.js";
import { anyType, wrappers } from "../wire/special.js";

/**
 * Plain data as the fields that its message has on the wire: what is a value in plain data (wrappers, `Struct`) is a
 * message in protobuf's text format. An `Any` of a known type becomes `{ "@type", message }`.
 */
export function fieldsOf(
  type: MessageDescriptor,
  value: unknown,
  decode: (type: MessageDescriptor, bytes: Uint8Array) => unknown,
): unknown {
  if (wrappers.has(type.typeName)) return { value };
  switch (type.typeName) {
    case "google.protobuf.Struct":
      return { fields: value };
    case "google.protobuf.ListValue":
      return { values: value };
    case "google.protobuf.Value":
      return valueFields(value as JsonValue);
    case anyType: {
      const any = value as Any;
      const inner = findMessage(typeNameOf(any.typeUrl));
      if (inner === undefined) return any;
      return { "@type": any.typeUrl, message: any.value === undefined ? any.message : decode(inner, any.value) };
    }
    default:
      return value;
  }
}

function valueFields(value: JsonValue): unknown {
  switch (typeof value) {
    case "number":
      return { numberValue: value };
    case "string":
      return { stringValue: value };
    case "boolean":
      return { boolValue: value };
    default:
      if (value === null) return { nullValue: "NULL_VALUE" };
      return Array.isArray(value) ? { listValue: value } : { structValue: value };
  }
}

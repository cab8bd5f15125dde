import type { MessageDescriptor } from "../descriptor.js";
import { XdsTypesError } from "../errors.js";
import { writeJson } from "../json/write.js";
import { decodeMessage } from "../wire/decode.js";
import type { DocumentsRead, Position } from "./document.js";

/**
 * Reads a message in the wire format as the ProtoJSON of the same message, what its `Any`s hold included. Fields that
 * the schema does not have are left out, and there are no lines: everything stands at 1:1.
 */
export function readBinary(
  type: MessageDescriptor,
  bytes: Uint8Array,
  file: string,
  options: { readonly maxValues?: number } = {},
): DocumentsRead {
  const start: Position = { file, line: 1, column: 1 };
  try {
    const message = decodeMessage(type, bytes, options);
    const value = writeJson(type, message, { fieldNames: "snake_case" }, (inner, body) =>
      decodeMessage(inner, body, options),
    );
    return { documents: [{ value, locate: () => start }], issues: [] };
  } catch (error) {
    if (!(error instanceof XdsTypesError)) throw error;
    return { documents: [], issues: error.issues.map((issue) => ({ ...issue, ...start })) };
  }
}

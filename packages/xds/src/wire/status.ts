import type { Reader } from "./reader.js";
import { Writer } from "./writer.js";

/** A `google.rpc.Status`, as `error_detail` carries it. */
export interface Status {
  /** A gRPC status code. */
  readonly code: number;
  /** For developers, in English. */
  readonly message: string;
}

/**
 * The most that is kept of a peer's message, in UTF-16 units. Envoy repeats the whole resource in some of its messages.
 */
export const MAX_STATUS_MESSAGE = 4096;

/** Encodes a status, its message cut at {@link MAX_STATUS_MESSAGE}. */
export function encodeStatus(status: Status): Uint8Array {
  return new Writer().uint(1, status.code).string(2, status.message.slice(0, MAX_STATUS_MESSAGE)).finish();
}

/** Decodes a status, its message cut at {@link MAX_STATUS_MESSAGE}; details are not kept. */
export function decodeStatus(reader: Reader): Status {
  let code = 0;
  let message = "";
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) code = reader.varint();
    else if (field === 2) message = reader.string().slice(0, MAX_STATUS_MESSAGE);
    else reader.skip();
  }
  return { code, message };
}

/**
 * Where a decoded message keeps the fields its type does not have: the raw bytes, tags included, in the order in which
 * they came. A symbol, so that it is in nobody's way, and enumerable, so that a spread copy keeps it.
 */
export const unknownFields: unique symbol = Symbol.for("weftmesh.unknown_fields");

/** A message that may hold fields of a newer schema. */
export interface WithUnknownFields {
  /** Raw bytes, tags included. */
  [unknownFields]?: Uint8Array;
}

/** Adds a field's bytes to what the message already keeps. */
export function keepUnknownField(message: WithUnknownFields, bytes: Uint8Array): void {
  const held = message[unknownFields] ?? new Uint8Array(0);
  const length = held.length + bytes.length;
  // The buffer behind grows by doubling: a message of nothing but unknown fields must not cost the square of its size.
  const room = held.buffer.byteLength < length ? new Uint8Array(held.length === 0 ? length : 2 * length) : undefined;
  const joined = new Uint8Array(room?.buffer ?? held.buffer, 0, length);
  if (room !== undefined) joined.set(held);
  joined.set(bytes, held.length);
  message[unknownFields] = joined;
}

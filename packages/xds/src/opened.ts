import type { OpenAny } from "./references.js";

/**
 * Opens every `Any` in a message whose type is known, at any depth, so that readers and checks see all of it. What is
 * already open, or of an unknown type, stays as it is; the input is not modified.
 *
 * @throws whatever `open` throws on bytes that are not the message they should be.
 */
export function opened<T>(message: T, open: OpenAny): T {
  return openValue(message, open) as T;
}

function openValue(value: unknown, open: OpenAny): unknown {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => openValue(item, open));
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  const fields = value as Readonly<Record<string, unknown>>;
  if (typeof fields["typeUrl"] === "string" && fields["value"] instanceof Uint8Array) {
    const message = open({ typeUrl: fields["typeUrl"], value: fields["value"] });
    return message === undefined ? value : { typeUrl: fields["typeUrl"], message: openValue(message, open) };
  }
  let copy: Record<string, unknown> | undefined;
  for (const [key, field] of Object.entries(fields)) {
    const next = openValue(field, open);
    if (next === field) continue;
    // A map field has no prototype, and a key of it may be `__proto__`: the copy keeps both properties.
    copy ??= Object.assign(Object.create(Object.getPrototypeOf(fields)), fields) as Record<string, unknown>;
    copy[key] = next;
  }
  return copy ?? value;
}

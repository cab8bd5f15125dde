import { referencesOf } from "../references.js";
import type { EncodedResource, MessageResource } from "../resource.js";
import type { Encoder } from "../snapshot-cache.js";
import { digest } from "./digest.js";
import { encodeMessage, openAny } from "./resource-types.js";

/** Makes an encoder that knows a message object again, so that what did not change is neither encoded nor hashed twice. */
export function resourceEncoder(): Encoder {
  const known = new WeakMap<object, EncodedResource>();
  return (resource) => {
    const { message } = resource;
    if (typeof message !== "object" || message === null) return encode(resource);
    const before = known.get(message);
    if (before !== undefined && isSame(before, resource)) return before;
    const encoded = encode(resource);
    known.set(message, encoded);
    return encoded;
  };
}

function encode({ typeUrl, name, message, aliases, constraints, ttlMs }: MessageResource): EncodedResource {
  const value = encodeMessage(typeUrl, message);
  return {
    typeUrl,
    name,
    version: digest(value),
    value,
    references: referencesOf(typeUrl, message, openAny),
    ...(aliases === undefined ? {} : { aliases }),
    ...(constraints === undefined ? {} : { constraints }),
    ...(ttlMs === undefined ? {} : { ttlMs }),
  };
}

function isSame(before: EncodedResource, resource: MessageResource): boolean {
  const { typeUrl, name, aliases, constraints, ttlMs } = resource;
  return (
    before.typeUrl === typeUrl &&
    before.name === name &&
    before.aliases === aliases &&
    before.constraints === constraints &&
    before.ttlMs === ttlMs
  );
}

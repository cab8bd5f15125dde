import { LRUCache } from "lru-cache";
import type { EncodedResource } from "../resource.js";
import type { OutgoingResponse } from "../wire/response.js";

/** Responses smaller than this are encoded faster than they are looked up. */
const MIN_BYTES = 4096;

/** Bytes that may be kept. */
const MAX_BYTES = 8 << 20;

interface Entry {
  readonly resources: readonly EncodedResource[];
  readonly bytes: Uint8Array;
}

/**
 * Keeps the last large responses, encoded: a push gives the same one to all streams with the same history, and a copy for
 * each would be garbage of the size of the resource times the number of clients.
 */
export class ResponseCache {
  readonly #entries: LRUCache<string, Entry> = new LRUCache({
    maxSize: MAX_BYTES,
    sizeCalculation: ({ bytes }) => bytes.length,
  });

  /** The bytes of a response; made by `encode` unless the same response was made a moment ago. */
  encoded(kind: string, response: OutgoingResponse, encode: () => Uint8Array): Uint8Array {
    const { typeUrl, version, nonce, resources, removed, bodiless = [] } = response;
    if (removed.length + bodiless.length > 0 || !isLarge(resources)) return encode();
    const key = `${kind} ${nonce} ${version} ${typeUrl}`;
    const known = this.#entries.get(key);
    if (known !== undefined && isSame(known.resources, resources)) return known.bytes;
    const bytes = encode();
    if (bytes.length <= MAX_BYTES) this.#entries.set(key, { resources, bytes });
    return bytes;
  }
}

function isLarge(resources: readonly EncodedResource[]): boolean {
  let bytes = 0;
  for (const { value } of resources) {
    bytes += value.length;
    if (bytes >= MIN_BYTES) return true;
  }
  return false;
}

function isSame(a: readonly EncodedResource[], b: readonly EncodedResource[]): boolean {
  return a.length === b.length && a.every((resource, index) => resource === b[index]);
}

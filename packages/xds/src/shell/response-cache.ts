import { LRUCache } from "lru-cache";
import type { EncodedResource } from "../resource.js";
import type { OutgoingResponse } from "../wire/response.js";

/** Only the very last of the responses smaller than this is kept: another is encoded faster than it is looked up. */
const MIN_BYTES = 4096;

/** Bytes that may be kept. */
const MAX_BYTES = 8 << 20;

interface Entry {
  readonly kind: string;
  readonly response: OutgoingResponse;
  readonly bytes: Uint8Array;
}

/**
 * Keeps the last responses, encoded: a push gives the same one to all streams with the same history, and a copy for each
 * would be garbage of the size of the resource times the number of clients.
 */
export class ResponseCache {
  readonly #large: LRUCache<string, Entry> = new LRUCache({
    maxSize: MAX_BYTES,
    sizeCalculation: ({ bytes }) => bytes.length,
  });
  #last: Entry | undefined;

  /** The bytes of a response; made by `encode` unless the same response was made a moment ago. */
  encoded(kind: string, response: OutgoingResponse, encode: () => Uint8Array): Uint8Array {
    const { typeUrl, version, nonce, resources, removed, bodiless = [] } = response;
    if (removed.length + bodiless.length > 0) return encode();
    if (this.#last !== undefined && isSame(this.#last, kind, response)) return this.#last.bytes;
    if (!isLarge(resources)) {
      this.#last = { kind, response, bytes: encode() };
      return this.#last.bytes;
    }
    const key = `${kind} ${nonce} ${version} ${typeUrl}`;
    const known = this.#large.get(key);
    if (known !== undefined && isSame(known, kind, response)) return known.bytes;
    const bytes = encode();
    if (bytes.length <= MAX_BYTES) this.#large.set(key, { kind, response, bytes });
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

function isSame({ kind, response: a }: Entry, wanted: string, b: OutgoingResponse): boolean {
  return (
    a.nonce === b.nonce &&
    kind === wanted &&
    a.version === b.version &&
    a.typeUrl === b.typeUrl &&
    a.resources.length === b.resources.length &&
    a.resources.every((resource, index) => resource === b.resources[index])
  );
}

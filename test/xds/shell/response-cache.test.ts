import { expect, test } from "vitest";
import { ResponseCache } from "../../../packages/xds/src/shell/response-cache.js";
import type { OutgoingResponse } from "../../../packages/xds/src/wire/response.js";
import { opaque, T } from "../opaque.js";

const one = opaque(T.EDS, "e", "1");
const large = opaque(T.EDS, "e", "2", { value: new Uint8Array(10_000) });

function response(fields: Partial<OutgoingResponse> = {}): OutgoingResponse {
  return { typeUrl: T.EDS, version: "v", nonce: "1", resources: [one], removed: [], ...fields };
}

test.each([
  { size: "small", resources: [one] },
  { size: "large", resources: [large] },
])("a $size response is encoded once for all streams that are sent the same", ({ resources }) => {
  const cache = new ResponseCache();
  const encode = (): Uint8Array => new Uint8Array(resources[0]?.value.length ?? 0);
  const bytes = cache.encoded("delta", response({ resources: [...resources] }), encode);
  expect(cache.encoded("delta", response({ resources: [...resources] }), encode)).toBe(bytes);
});

test.each<{ what: string; kind?: string; fields?: Partial<OutgoingResponse> }>([
  { what: "variant", kind: "sotw" },
  { what: "nonce", fields: { nonce: "2" } },
  { what: "version", fields: { version: "w" } },
  { what: "type", fields: { typeUrl: T.CDS } },
  { what: "resource of the same version", fields: { resources: [opaque(T.EDS, "e", "1")] } },
  { what: "number of resources", fields: { resources: [one, opaque(T.EDS, "f")] } },
  { what: "removed name", fields: { removed: ["gone"] } },
  { what: "resource without a body", fields: { bodiless: [{ name: "e", version: "v1" }] } },
])("another $what is encoded by itself", ({ kind = "delta", fields = {} }) => {
  const cache = new ResponseCache();
  const first = cache.encoded("delta", response(), () => new Uint8Array(1));
  expect(cache.encoded(kind, response(fields), () => new Uint8Array(2))).not.toBe(first);
});

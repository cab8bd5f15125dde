import type { TypeView } from "../../packages/xds/src/cache.js";
import { TYPE_URL } from "../../packages/xds/src/discovery-types.js";
import type { EncodedResource } from "../../packages/xds/src/resource.js";
import { createView } from "../../packages/xds/src/view.js";
import { Writer } from "../../packages/xds/src/wire/writer.js";

/** The short names that tables use for types. */
export const T = {
  CDS: TYPE_URL.cluster,
  EDS: TYPE_URL.endpoints,
  LDS: TYPE_URL.listener,
  RDS: TYPE_URL.route,
  SRDS: TYPE_URL.scopedRoute,
  VHDS: TYPE_URL.virtualHost,
  SDS: TYPE_URL.secret,
  CUSTOM: "type.googleapis.com/example.Custom",
} as const;

/** A resource nobody looks into: its name in field 1, as all discovery types have it, and some content. */
export function opaque(
  typeUrl: string,
  name: string,
  content = "1",
  extra: Partial<EncodedResource> = {},
): EncodedResource {
  const value = new Writer().string(1, name).string(15, content).finish();
  return { typeUrl, name, version: `v${content}`, value, ...extra };
}

/** A readable digest, so that an unexpected version explains itself. */
export function plainDigest(content: string | Uint8Array): string {
  return typeof content === "string" ? content : Buffer.from(content).toString("hex");
}

/** A view of one type: `{ a: "1" }` is a resource `a` with content 1. */
export function viewOf(typeUrl: string, contents: Readonly<Record<string, string>>, version?: string): TypeView {
  const resources = new Map(Object.entries(contents).map(([name, content]) => [name, opaque(typeUrl, name, content)]));
  return createView(typeUrl, resources, plainDigest, version);
}

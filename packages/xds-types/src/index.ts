/**
 * The whole Envoy v3 API as typed plain data: codecs, canonical JSON and YAML, checks.
 *
 * Every message has a value with its codecs, on the subpath of its proto package:
 *
 * ```ts
 * import { Cluster } from "@weftmesh/xds-types/envoy/config/cluster/v3";
 *
 * const cluster = Cluster.fromJson({ name: "shop", connect_timeout: "1s", type: "EDS" });
 * console.log(Cluster.check(cluster), Cluster.encode(cluster).length);
 * ```
 *
 * @packageDocumentation
 */

// For users.
export { openAny, pack, unpack, unpackAs } from "./any.js";
export type { ConsistencyIssue } from "./consistency.js";
export { checkConsistency } from "./consistency.js";
export type { FieldChange, ResourceChange } from "./diff.js";
export { diffResources } from "./diff.js";
export { durationFromMs, durationToMs, formatDuration, parseDuration } from "./duration.js";
export type { Issue, Severities, Severity, XdsTypesErrorCode } from "./errors.js";
export { formatIssue, XdsTypesError } from "./errors.js";
export type {
  Any,
  AnyJson,
  CheckOptions,
  DecodeOptions,
  Duration,
  FieldMask,
  JsonObject,
  JsonReadOptions,
  JsonValue,
  JsonWriteOptions,
  KnownAny,
  MessageType,
  OneOf,
  OpaqueAny,
  StringMap,
  Timestamp,
} from "./message.js";
// For authors of tools that work on any type.
export { messageType } from "./message-type.js";

export type { ParsedResources, ParseOptions } from "./parse-resources.js";
export { parseResources } from "./parse-resources.js";
export type { Reference, ReferenceRow } from "./references.js";
export { referencesOf, referenceTable } from "./references.js";
export type { Resource } from "./resource.js";
export { resourceName } from "./resource.js";
export { resourceVersion } from "./resource-version.js";
export type { LocatedIssue, Position } from "./text/document.js";
export { typeNameOf, urlOf } from "./type-url.js";
export { unwrapTypedStruct } from "./typed-struct.js";
export { unknownFields } from "./wire/unknown-fields.js";

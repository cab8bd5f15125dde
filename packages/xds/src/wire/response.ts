import { constraintsIn, nameOfVariant, type ParameterConstraint } from "../dynamic-parameters.js";
import type { EncodedResource } from "../resource.js";
import { decodeConstraint, encodeConstraint } from "./constraints.js";
import { Reader } from "./reader.js";
import { decodeStatus, type Status } from "./status.js";
import { varintSize, Writer } from "./writer.js";

/** A resource as a response carries it: without a body it is a heartbeat, or says that an on-demand name is unknown. */
export interface WireResource {
  /** Empty in a bare `Any` of state of the world, where the name stands inside the message. */
  readonly name: string;
  /** Version of this resource; empty in a bare `Any`. */
  readonly version: string;
  /** The type in the `Any`; empty without a body. */
  readonly typeUrl: string;
  /** The encoded message. */
  readonly value?: Uint8Array;
  /** Further names. */
  readonly aliases: readonly string[];
  /** For which clients this variant is; absent for all. */
  readonly constraints?: ParameterConstraint;
  /** Milliseconds to live. */
  readonly ttlMs?: number;
}

/** A problem with one resource, reported by the server beside the resources it can give (xRFC TP3). */
export interface ResourceError {
  /** The resource's name. */
  readonly name: string;
  /** What is wrong. */
  readonly status: Status;
}

/** The name of a resource that is gone, of which only one variant is. */
export interface RemovedVariant {
  /** The name. */
  readonly name: string;
  /** Which variant. */
  readonly constraints: ParameterConstraint;
}

/** A response of either variant, as a client reads it. */
export interface DiscoveryResponse {
  /** `version_info`, or `system_version_info` of delta. */
  readonly version: string;
  /** The type of all resources. */
  readonly typeUrl: string;
  /** What the answer must carry. */
  readonly nonce: string;
  /** In the server's order. */
  readonly resources: readonly WireResource[];
  /** Names that do not exist, or no longer (delta). */
  readonly removed: readonly string[];
  /** Variants that do not exist, or no longer (delta). Default none. */
  readonly removedVariants?: readonly RemovedVariant[];
  /** Problems the server reports. */
  readonly errors: readonly ResourceError[];
}

/** What a server sends, before it is bytes. */
export interface OutgoingResponse {
  /** Version of the type's view. */
  readonly version: string;
  /** The type of all resources. */
  readonly typeUrl: string;
  /** Unique on the stream. */
  readonly nonce: string;
  /** Encoded resources. */
  readonly resources: readonly EncodedResource[];
  /** Resources without a body: heartbeats, and on-demand names that do not exist. Default none. */
  readonly bodiless?: readonly BodilessResource[];
  /** Names that do not exist, or no longer (delta). */
  readonly removed: readonly string[];
}

/** A resource wrapper around nothing. */
export interface BodilessResource {
  /** The name it is about. */
  readonly name: string;
  /** For a heartbeat the version the client holds; empty for an unknown name. */
  readonly version: string;
  /** For an unknown on-demand name that name again, by which the client finds what waits for it. */
  readonly aliases?: readonly string[];
  /** For a heartbeat the new time to live. */
  readonly ttlMs?: number;
}

const RESOURCE_TYPE = "type.googleapis.com/envoy.service.discovery.v3.Resource";

/** The size an `Any` of this resource has. */
function anySize(resource: EncodedResource): number {
  // Type URLs are ASCII, so characters are bytes.
  return fieldSize(resource.typeUrl.length) + (resource.value.length === 0 ? 0 : fieldSize(resource.value.length));
}

function fieldSize(length: number): number {
  return 1 + varintSize(length) + length;
}

function writeAny(writer: Writer, field: number, resource: EncodedResource): void {
  writer.head(field, anySize(resource)).string(1, resource.typeUrl);
  if (resource.value.length > 0) writer.bytes(2, resource.value);
}

/** Encodes a resource wrapper around the shared bytes of its message. */
function encodeWrapper(resource: EncodedResource): Uint8Array {
  const writer = new Writer(resource.value.length + resource.name.length * 3 + resource.version.length + 128);
  writer.string(1, resource.version);
  writeAny(writer, 2, resource);
  if (resource.constraints === undefined) writer.string(3, resource.name);
  for (const alias of resource.aliases ?? []) writer.element(4, alias);
  if (resource.ttlMs !== undefined) writer.bytes(6, encodeDuration(resource.ttlMs));
  if (resource.constraints !== undefined) writer.bytes(8, encodeName(resource.name, resource.constraints));
  return writer.finish();
}

function encodeName(name: string, constraints: ParameterConstraint): Uint8Array {
  return new Writer().string(1, nameOfVariant(name)).bytes(2, encodeConstraint(constraints)).finish();
}

function encodeBodiless({ name, version, aliases = [], ttlMs }: BodilessResource): Uint8Array {
  const writer = new Writer().string(1, version).string(3, name);
  for (const alias of aliases) writer.element(4, alias);
  if (ttlMs !== undefined) writer.bytes(6, encodeDuration(ttlMs));
  return writer.finish();
}

function encodeDuration(ms: number): Uint8Array {
  const seconds = Math.floor(ms / 1000);
  return new Writer()
    .uint(1, seconds)
    .uint(2, Math.round((ms - seconds * 1000) * 1e6))
    .finish();
}

/**
 * Encodes a `DiscoveryResponse`.
 *
 * @param wrap - Whether resources that have a time to live go into `Resource` wrappers, which the client must understand.
 */
export function encodeSotwResponse(response: OutgoingResponse, wrap: boolean): Uint8Array {
  const writer = new Writer(responseSizeHint(response));
  writer.string(1, response.version);
  for (const resource of response.resources) {
    if (wrap && (resource.ttlMs !== undefined || resource.constraints !== undefined)) {
      const wrapper = encodeWrapper(resource);
      writer.bytes(2, new Writer(wrapper.length + 96).string(1, RESOURCE_TYPE).bytes(2, wrapper).finish());
    } else writeAny(writer, 2, resource);
  }
  for (const resource of wrap ? (response.bodiless ?? []) : []) {
    writer.bytes(2, new Writer().string(1, RESOURCE_TYPE).bytes(2, encodeBodiless(resource)).finish());
  }
  return writer.string(4, response.typeUrl).string(5, response.nonce).finish();
}

/** Encodes a `DeltaDiscoveryResponse`. */
export function encodeDeltaResponse(response: OutgoingResponse): Uint8Array {
  const writer = new Writer(responseSizeHint(response));
  writer.string(1, response.version);
  for (const resource of response.resources) writer.bytes(2, encodeWrapper(resource));
  for (const resource of response.bodiless ?? []) writer.bytes(2, encodeBodiless(resource));
  writer.string(4, response.typeUrl).string(5, response.nonce);
  for (const name of response.removed) {
    const constraints = constraintsIn(name);
    if (constraints === undefined) writer.element(6, name);
    else writer.bytes(8, encodeName(name, constraints));
  }
  return writer.finish();
}

/** About how many bytes a resource takes in a response of either variant, rounded up. */
export function resourceSizeHint(resource: EncodedResource): number {
  return resource.value.length + resource.name.length + resource.version.length + resource.typeUrl.length + 32;
}

function responseSizeHint(response: OutgoingResponse): number {
  let size = 256;
  for (const resource of response.resources) size += resourceSizeHint(resource);
  for (const name of response.removed) size += name.length * 3 + 8;
  return size;
}

/** Decodes a `DiscoveryResponse`; `Resource` wrappers are opened. Bodies are windows into `bytes`. */
export function decodeSotwResponse(bytes: Uint8Array): DiscoveryResponse {
  return decodeResponse(new Reader(bytes), 6, 7, (reader) => {
    const any = decodeAny(reader);
    if (any.typeUrl !== RESOURCE_TYPE) return { name: "", version: "", aliases: [], ...any };
    return decodeWrapper(new Reader(any.value ?? new Uint8Array()));
  });
}

/** Decodes a `DeltaDiscoveryResponse`. Bodies are windows into `bytes`. */
export function decodeDeltaResponse(bytes: Uint8Array): DiscoveryResponse {
  return decodeResponse(new Reader(bytes), 7, 9, decodeWrapper);
}

function decodeResponse(
  reader: Reader,
  controlPlaneField: number,
  errorsField: number,
  decodeResource: (reader: Reader) => WireResource,
): DiscoveryResponse {
  const delta = controlPlaneField === 7;
  const resources: WireResource[] = [];
  const removed: string[] = [];
  const errors: ResourceError[] = [];
  const removedVariants: RemovedVariant[] = [];
  let version = "";
  let typeUrl = "";
  let nonce = "";
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) version = reader.string();
    else if (field === 2) resources.push(decodeResource(reader.message()));
    else if (field === 4) typeUrl = reader.string();
    else if (field === 5) nonce = reader.string();
    else if (delta && field === 6) removed.push(reader.string());
    else if (delta && field === 8) {
      const { name, constraints } = decodeResourceName(reader.message());
      if (constraints === undefined) removed.push(name);
      else removedVariants.push({ name, constraints });
    } else if (field === errorsField) errors.push(decodeResourceError(reader.message()));
    else reader.skip();
  }
  const response = { version, typeUrl, nonce, resources, removed, errors };
  return removedVariants.length === 0 ? response : { ...response, removedVariants };
}

function decodeWrapper(reader: Reader): WireResource {
  let name = "";
  let version = "";
  let any: { readonly typeUrl: string; readonly value?: Uint8Array } = { typeUrl: "" };
  let ttlMs: number | undefined;
  let constraints: ParameterConstraint | undefined;
  const aliases: string[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) version = reader.string();
    else if (field === 2) any = decodeAny(reader.message());
    else if (field === 3) name = reader.string();
    else if (field === 4) aliases.push(reader.string());
    else if (field === 6) ttlMs = decodeDuration(reader.message());
    else if (field === 8) ({ name, constraints } = decodeResourceName(reader.message()));
    else reader.skip();
  }
  return {
    ...{ name, version, aliases, ...any },
    ...(ttlMs === undefined ? {} : { ttlMs }),
    ...(constraints === undefined ? {} : { constraints }),
  };
}

function decodeAny(reader: Reader): { readonly typeUrl: string; readonly value: Uint8Array } {
  let typeUrl = "";
  let value: Uint8Array = new Uint8Array();
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) typeUrl = reader.string();
    else if (field === 2) value = reader.bytes();
    else reader.skip();
  }
  return { typeUrl, value };
}

function decodeDuration(reader: Reader): number {
  let ms = 0;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) ms += reader.int64() * 1000;
    else if (field === 2) ms += reader.int64() / 1e6;
    else reader.skip();
  }
  return ms;
}

interface ResourceName {
  readonly name: string;
  readonly constraints: ParameterConstraint | undefined;
}

function decodeResourceName(reader: Reader): ResourceName {
  let name = "";
  let constraints: ParameterConstraint | undefined;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) name = reader.string();
    else if (field === 2) constraints = decodeConstraint(reader.message());
    else reader.skip();
  }
  return { name, constraints };
}

function decodeResourceError(reader: Reader): ResourceError {
  let name = "";
  let status: Status = { code: 2, message: "" };
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) ({ name } = decodeResourceName(reader.message()));
    else if (field === 2) status = decodeStatus(reader.message());
    else reader.skip();
  }
  return { name, status };
}

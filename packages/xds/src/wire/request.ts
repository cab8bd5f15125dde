import type { DynamicParameters } from "../dynamic-parameters.js";
import type { NodeIdentity } from "../node.js";
import { canonicalName } from "../xdstp.js";
import { decodeEntry, decodeLocator, encodeLocator } from "./constraints.js";
import { decodeNode } from "./node.js";
import { Reader } from "./reader.js";
import { decodeStatus, encodeStatus, type Status } from "./status.js";
import { Writer } from "./writer.js";

/** A `DiscoveryRequest` (state of the world). */
export interface SotwRequest {
  /** The last version the client accepted of this type; empty at first. */
  readonly versionInfo: string;
  /** Who asks; surely present in the first request of a stream only. */
  readonly node?: NodeIdentity;
  /** All names the client wants. */
  readonly resourceNames: readonly string[];
  /** The type; may be empty on a stream that carries one type. */
  readonly typeUrl: string;
  /** Dynamic parameters of names, if the client gave any (xRFC TP2). */
  readonly parameters?: ReadonlyMap<string, DynamicParameters>;
  /** Which response this answers; empty if none. */
  readonly responseNonce: string;
  /** Present exactly in a NACK. */
  readonly errorDetail?: Status;
}

/** A `DeltaDiscoveryRequest`. */
export interface DeltaRequest {
  /** Who asks; surely present in the first request of a stream only. */
  readonly node?: NodeIdentity;
  /** The type; may be empty on a stream that carries one type. */
  readonly typeUrl: string;
  /** Names to add to what the client wants. */
  readonly subscribe: readonly string[];
  /** Names to take away. */
  readonly unsubscribe: readonly string[];
  /** Versions of what the client holds from an earlier stream, by name; only in the first request of a type. */
  readonly initialResourceVersions: ReadonlyMap<string, string>;
  /** Dynamic parameters of names, if the client gave any (xRFC TP2). */
  readonly parameters?: ReadonlyMap<string, DynamicParameters>;
  /** Which response this answers; empty if none. */
  readonly responseNonce: string;
  /** Present exactly in a NACK. */
  readonly errorDetail?: Status;
}

/** What one request may hold; more is a hostile or broken client. */
export interface RequestLimits {
  /** Names in one request, of each list. */
  readonly maxNames: number;
  /** UTF-16 units in one name. */
  readonly maxNameLength: number;
}

/** A request that breaks a {@link RequestLimits}, told apart from one that is not protobuf. */
export class LimitExceeded extends RangeError {}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Decodes a `DiscoveryRequest`. @throws {@link LimitExceeded} or {@link XdsError} `ERR_XDS_WIRE_INVALID` */
export function decodeSotwRequest(bytes: Uint8Array, limits: RequestLimits): SotwRequest {
  const reader = new Reader(bytes);
  const resourceNames: string[] = [];
  const parameters = new Map<string, DynamicParameters>();
  const request: Mutable<SotwRequest> = { versionInfo: "", resourceNames, typeUrl: "", responseNonce: "" };
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    switch (field) {
      case 1:
        request.versionInfo = reader.string();
        break;
      case 2:
        request.node = decodeNode(reader.message());
        break;
      case 3:
        resourceNames.push(limited(reader.string(), resourceNames.length, limits));
        break;
      case 4:
        request.typeUrl = reader.string();
        break;
      case 5:
        request.responseNonce = reader.string();
        break;
      case 6:
        request.errorDetail = decodeStatus(reader.message());
        break;
      case 7:
        resourceNames.push(located(reader.message(), resourceNames.length, limits, parameters));
        break;
      default:
        reader.skip();
    }
  }
  return parameters.size === 0 ? request : { ...request, parameters };
}

/** Encodes a `DiscoveryRequest`; `node` is given encoded, because a client encodes it once. */
export function encodeSotwRequest(
  request: SotwRequest,
  node: Uint8Array | undefined,
  parameters?: DynamicParameters,
): Uint8Array {
  const writer = new Writer().string(1, request.versionInfo);
  if (node !== undefined) writer.bytes(2, node);
  writeNames(writer, request.resourceNames, 3, 7, parameters);
  writer.string(4, request.typeUrl).string(5, request.responseNonce);
  if (request.errorDetail !== undefined) writer.bytes(6, encodeStatus(request.errorDetail));
  return writer.finish();
}

/** Decodes a `DeltaDiscoveryRequest`. */
export function decodeDeltaRequest(bytes: Uint8Array, limits: RequestLimits): DeltaRequest {
  const reader = new Reader(bytes);
  const subscribe: string[] = [];
  const parameters = new Map<string, DynamicParameters>();
  const unsubscribe: string[] = [];
  const versions = new Map<string, string>();
  const request: Mutable<DeltaRequest> = {
    typeUrl: "",
    subscribe,
    unsubscribe,
    initialResourceVersions: versions,
    responseNonce: "",
  };
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    switch (field) {
      case 1:
        request.node = decodeNode(reader.message());
        break;
      case 2:
        request.typeUrl = reader.string();
        break;
      case 3:
        subscribe.push(limited(reader.string(), subscribe.length, limits));
        break;
      case 4:
        unsubscribe.push(limited(reader.string(), unsubscribe.length, limits));
        break;
      case 5: {
        const [name, version] = decodeEntry(reader.message());
        versions.set(limited(name, versions.size, limits), version);
        break;
      }
      case 6:
        request.responseNonce = reader.string();
        break;
      case 7:
        request.errorDetail = decodeStatus(reader.message());
        break;
      case 8:
        subscribe.push(located(reader.message(), subscribe.length, limits, parameters));
        break;
      case 9:
        unsubscribe.push(located(reader.message(), unsubscribe.length, limits, new Map()));
        break;
      default:
        reader.skip();
    }
  }
  return parameters.size === 0 ? request : { ...request, parameters };
}

/** Encodes a `DeltaDiscoveryRequest`; `node` is given encoded, because a client encodes it once. */
export function encodeDeltaRequest(
  request: DeltaRequest,
  node: Uint8Array | undefined,
  parameters?: DynamicParameters,
): Uint8Array {
  const writer = new Writer();
  if (node !== undefined) writer.bytes(1, node);
  writer.string(2, request.typeUrl);
  writeNames(writer, request.subscribe, 3, 8, parameters);
  writeNames(writer, request.unsubscribe, 4, 9, parameters);
  for (const [name, version] of request.initialResourceVersions) {
    writer.bytes(5, new Writer().element(1, name).element(2, version).finish());
  }
  writer.string(6, request.responseNonce);
  if (request.errorDetail !== undefined) writer.bytes(7, encodeStatus(request.errorDetail));
  return writer.finish();
}

// With dynamic parameters a name becomes a locator; a wildcard has no locator.
function writeNames(
  writer: Writer,
  names: readonly string[],
  nameField: number,
  locatorField: number,
  parameters: DynamicParameters | undefined,
): void {
  for (const name of names) {
    if (parameters === undefined || name === "*") writer.element(nameField, name);
    else writer.bytes(locatorField, encodeLocator(name, parameters));
  }
}

function limited(name: string, count: number, limits: RequestLimits): string {
  if (count >= limits.maxNames) throw new LimitExceeded(`more than ${limits.maxNames} names in one request`);
  if (name.length > limits.maxNameLength) {
    throw new LimitExceeded(`a name of ${name.length} characters, at most ${limits.maxNameLength} are allowed`);
  }
  return name;
}

function located(
  reader: Reader,
  count: number,
  limits: RequestLimits,
  parameters: Map<string, DynamicParameters>,
): string {
  const locator = decodeLocator(reader);
  const name = limited(locator.name, count, limits);
  if (Object.keys(locator.parameters).length > 0) parameters.set(canonicalName(name), locator.parameters);
  return name;
}

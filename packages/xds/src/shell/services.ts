import type { MethodDefinition, ServiceDefinition } from "@grpc/grpc-js";
import { AGGREGATED_SERVICE, DISCOVERY_TYPES } from "../discovery-types.js";

/** A discovery service and what its streams carry. */
export interface DiscoveryService {
  /** For grpc-js: messages are Buffers, passed through as they are. */
  readonly definition: ServiceDefinition;
  /** The state-of-the-world method, where there is one. */
  readonly sotwMethod?: string;
  /** The delta method. */
  readonly deltaMethod: string;
  /** The unary method, where there is one. */
  readonly fetchMethod?: string;
  /** The type all streams carry; absent for the aggregated service. */
  readonly typeUrl?: string;
}

/** The definition of a bidirectional method that moves bytes. */
export function streamMethod(service: string, method: string): MethodDefinition<Buffer, Buffer> {
  return {
    path: `/${service}/${method}`,
    requestStream: true,
    responseStream: true,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}

/** The definition of a unary method that moves bytes. */
export function unaryMethod(service: string, method: string): MethodDefinition<Buffer, Buffer> {
  return { ...streamMethod(service, method), requestStream: false, responseStream: false };
}

/** The aggregated service and those of the single types. */
export const DISCOVERY_SERVICES: readonly DiscoveryService[] = [
  discoveryService(AGGREGATED_SERVICE),
  ...DISCOVERY_TYPES.map(discoveryService),
];

function discoveryService(methods: {
  readonly service: string;
  readonly sotwMethod?: string;
  readonly deltaMethod: string;
  readonly fetch?: { readonly method: string };
  readonly typeUrl?: string;
}): DiscoveryService {
  const { service, sotwMethod, deltaMethod, fetch, typeUrl } = methods;
  const names = sotwMethod === undefined ? [deltaMethod] : [sotwMethod, deltaMethod];
  const definition = Object.fromEntries(names.map((name) => [name, streamMethod(service, name)]));
  if (fetch !== undefined) definition[fetch.method] = unaryMethod(service, fetch.method);
  return {
    definition,
    ...(fetch === undefined ? {} : { fetchMethod: fetch.method }),
    deltaMethod,
    ...(sotwMethod === undefined ? {} : { sotwMethod }),
    ...(typeUrl === undefined ? {} : { typeUrl }),
  };
}

function same(message: Buffer): Buffer {
  return message;
}

/** The same bytes as a Buffer, not copied. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

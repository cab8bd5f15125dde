/** The gRPC library as it is loaded. */
export type Grpc = typeof import("@grpc/grpc-js");

/** Loads gRPC when the first server listens or the first client connects: who only uses a cache or a codec never does. */
export function loadGrpc(): Promise<Grpc> {
  return import("@grpc/grpc-js");
}

/** The codes of gRPC that are used here. */
export const GRPC_STATUS = {
  invalidArgument: 3,
  deadlineExceeded: 4,
  permissionDenied: 7,
  resourceExhausted: 8,
  internal: 13,
  unavailable: 14,
} as const;

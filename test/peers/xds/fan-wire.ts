/** The type that is fanned out. */
export const ENDPOINTS = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";

/** A string field of fewer than 128 bytes. */
export function text(field: number, value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([field * 8 + 2, bytes.length]), bytes]);
}

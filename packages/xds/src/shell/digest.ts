import { createHash } from "node:crypto";

/**
 * 96 bits of SHA-256 in base64url: versions come from content that tenants may write, and a collision would withhold an
 * update.
 */
export function digest(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("base64url").slice(0, 16);
}

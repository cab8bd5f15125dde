import { createHash } from "node:crypto";
import type { Authenticator } from "../authenticator.js";
import type { ServiceAnswer } from "../certificate-service.js";
import { issuanceLog, type RecordSink } from "../issuance-log.js";
import { type JwtCallerOptions, jwtCaller as jwtCallerWith } from "../jwt-caller.js";
import { systemScheduler } from "./clock.js";
import { nodeJws } from "./jws.js";

/**
 * Knows a service account by a token that its issuer signed for this audience: istio's way outside a cluster. Inside
 * one, ask the API server instead (`tokenReviewCaller`).
 */
export function jwtCaller(
  options: Omit<JwtCallerOptions, "clock"> & Partial<Pick<JwtCallerOptions, "clock">>,
): Authenticator {
  return jwtCallerWith({ clock: systemScheduler, ...options }, nodeJws);
}

/** Makes the `onAnswer` of a certificate service that records each answer; a key under a second identity is noted. */
export function auditLog(sink: RecordSink): (answer: ServiceAnswer) => void {
  const sha256 = (data: Uint8Array): Uint8Array => new Uint8Array(createHash("sha256").update(data).digest());
  return issuanceLog(sink, sha256, () => systemScheduler.now());
}

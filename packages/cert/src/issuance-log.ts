import { toHex } from "./certificate.js";
import type { ServiceAnswer } from "./certificate-service.js";

/** One line of the log: what was issued to whom, or why not. Neither keys nor tokens are in it. */
export type IssuanceRecord =
  | {
      readonly kind: "issued";
      readonly at: number;
      readonly id: string;
      readonly by: string;
      readonly serial: string;
      readonly notAfter: number;
      /** SHA-256 of the certified key, hexadecimal. */
      readonly keyHash: string;
      /** The identity this key was certified for before, if it was another one. */
      readonly keySeenFor?: string;
    }
  | {
      readonly kind: "refused";
      readonly at: number;
      readonly id: string | undefined;
      readonly code: string;
      readonly detail: string;
    };

/** Where records go. They are only ever added. */
export type RecordSink = (record: IssuanceRecord) => void;

/** How many keys are remembered to notice one that comes under a second identity. */
const MAX_KEYS = 100_000;

/** Makes the `onAnswer` of a certificate service that keeps a log. */
export function issuanceLog(
  sink: RecordSink,
  sha256: (data: Uint8Array) => Uint8Array,
  now: () => number,
): (answer: ServiceAnswer) => void {
  const keys = new Map<string, string>();
  return (answer) => {
    if (answer.kind === "refused") {
      sink({ kind: "refused", at: now(), id: answer.caller?.id, code: answer.code, detail: answer.detail });
      return;
    }
    const [leaf] = answer.svid.chain;
    if (!leaf) return;
    const keyHash = toHex(sha256(leaf.publicKey.spki));
    const before = keys.get(keyHash);
    keys.delete(keyHash);
    keys.set(keyHash, answer.svid.id);
    if (keys.size > MAX_KEYS) {
      const [oldest] = keys.keys();
      if (oldest !== undefined) keys.delete(oldest);
    }
    sink({
      kind: "issued",
      at: now(),
      id: answer.svid.id,
      by: answer.caller.by,
      serial: answer.svid.serial,
      notAfter: answer.svid.notAfter,
      keyHash,
      ...(before !== undefined && before !== answer.svid.id ? { keySeenFor: before } : {}),
    });
  };
}

import { toHex } from "./certificate.js";
import type { ServiceAnswer } from "./certificate-service.js";

/** A certificate that was issued. */
export interface IssuedRecord {
  /** Tells the two kinds of record apart. */
  readonly kind: "issued";
  /** When, milliseconds since 1970. */
  readonly at: number;
  /** The identity that was certified. */
  readonly id: string;
  /** The authenticator that knew the caller. */
  readonly by: string;
  /** The serial number in lower-case hexadecimal. */
  readonly serial: string;
  /** When the certificate ends, milliseconds since 1970. */
  readonly notAfter: number;
  /** SHA-256 of the certified key, hexadecimal. */
  readonly keyHash: string;
  /** Names that the request asked for and did not get. */
  readonly ignored?: readonly string[];
  /** The identity this key was certified for before, if it was another one. */
  readonly keySeenFor?: string;
}

/** A request that was refused. */
export interface RefusedRecord {
  /** Tells the two kinds of record apart. */
  readonly kind: "refused";
  /** When, milliseconds since 1970. */
  readonly at: number;
  /** Who asked, if that was known. */
  readonly id: string | undefined;
  /** Why. */
  readonly code: string;
  /** Why in detail. */
  readonly detail: string;
}

/** One line of the log: what was issued to whom, or why not. Neither keys nor tokens are in it. */
export type IssuanceRecord = IssuedRecord | RefusedRecord;

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
      ...(answer.ignored.length > 0 ? { ignored: answer.ignored } : {}),
      ...(before !== undefined && before !== answer.svid.id ? { keySeenFor: before } : {}),
    });
  };
}

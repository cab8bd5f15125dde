import { decodeBase64, encodeBase64 } from "./base64.js";
import { CertError } from "./errors.js";

/** One block of a PEM text. */
export interface PemBlock {
  /** What the block says it is, for example `CERTIFICATE`. */
  readonly label: string;
  /** What is in it. */
  readonly der: Uint8Array;
}

/** Larger than any bundle file that is meant seriously. */
const MAX_PEM_CHARS = 16 * 1024 * 1024;
const BEGIN = "-----BEGIN ";
const DASHES = "-----";

/**
 * Reads every block of a PEM text. Text between the blocks is left alone, as RFC 7468 allows; headers inside a block,
 * which only encrypted keys have, are refused.
 *
 * @param path - How to call the text in an error; default `pem`.
 * @throws {@link CertError} `ERR_CERT_PEM` if a block does not end, or does not hold base64.
 */
export function parsePem(text: string, path: string = "pem"): readonly PemBlock[] {
  const fail = (problem: string): CertError => new CertError("ERR_CERT_PEM", path, problem);
  if (text.length > MAX_PEM_CHARS) throw fail(`larger than ${MAX_PEM_CHARS} characters`);
  const blocks: PemBlock[] = [];
  let at = text.indexOf(BEGIN);
  while (at !== -1) {
    if (at > 0 && text[at - 1] !== "\n" && text[at - 1] !== "\r") {
      at = text.indexOf(BEGIN, at + BEGIN.length);
      continue;
    }
    const labelEnd = text.indexOf(DASHES, at + BEGIN.length);
    const label = labelEnd === -1 ? "" : text.slice(at + BEGIN.length, labelEnd);
    if (label === "" || label.length > 64 || label.includes("\n")) throw fail(`block ${blocks.length} has no label`);
    const end = `-----END ${label}-----`;
    const bodyStart = labelEnd + DASHES.length;
    const bodyEnd = text.indexOf(end, bodyStart);
    if (bodyEnd === -1) throw fail(`block ${blocks.length} (${label}) does not end`);
    const der = decodeBase64(text.slice(bodyStart, bodyEnd).replace(/[\r\n\t ]+/g, ""));
    if (der === undefined || der.length === 0) throw fail(`block ${blocks.length} (${label}) does not hold base64`);
    blocks.push({ label, der });
    at = text.indexOf(BEGIN, bodyEnd + end.length);
  }
  return blocks;
}

/** Writes one PEM block, lines of 64 characters, with a line break at the end. */
export function formatPem(label: string, der: Uint8Array): string {
  const lines = encodeBase64(der).match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

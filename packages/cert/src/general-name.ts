import { contextTag, type DerReader } from "./der/reader.js";
import { der, latin1 } from "./der/writer.js";

/** One entry of a subject alternative name or of a name constraint; other kinds keep their tag only. */
export type GeneralName =
  | { readonly kind: "uri"; readonly value: string }
  | { readonly kind: "dns"; readonly value: string }
  | { readonly kind: "email"; readonly value: string }
  | { readonly kind: "ip"; readonly value: Uint8Array }
  | { readonly kind: "other"; readonly tag: number };

const EMAIL = contextTag(1, false);
const DNS = contextTag(2, false);
const URI = contextTag(6, false);
const IP = contextTag(7, false);

/** Every byte as one character, so that whoever reads the string judges the very bytes. */
function byteString(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** Reads one GeneralName. */
export function readGeneralName(reader: DerReader): GeneralName {
  const { tag, content } = reader.next();
  if ((tag & 0xc0) !== 0x80) throw reader.fail("a general name has a context tag");
  switch (tag) {
    case URI:
      return { kind: "uri", value: byteString(content) };
    case DNS:
      return { kind: "dns", value: byteString(content) };
    case EMAIL:
      return { kind: "email", value: byteString(content) };
    case IP:
      return { kind: "ip", value: content };
    default:
      return { kind: "other", tag };
  }
}

/** Writes a URI as a GeneralName. */
export function writeUri(uri: string): Uint8Array {
  return der(URI, latin1(uri));
}

/** Writes a DNS name as a GeneralName. */
export function writeDns(name: string): Uint8Array {
  return der(DNS, latin1(name));
}

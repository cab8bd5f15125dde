import { contextTag, type DerReader } from "./der/reader.js";
import { der, latin1 } from "./der/writer.js";

/** One entry of a subject alternative name or of a name constraint; other kinds keep their tag only. */
export type GeneralName = TextName | AddressName | OtherName;

/** A name that is text. */
export interface TextName {
  /** What kind of name it is. */
  readonly kind: "uri" | "dns" | "email";
  /** The name, each byte of it as one character. */
  readonly value: string;
}

/** An IP address, or an address with its mask in a constraint. */
export interface AddressName {
  /** Tells it from the other kinds. */
  readonly kind: "ip";
  /** 4 or 16 bytes, twice as many with a mask. */
  readonly value: Uint8Array;
}

/** A name of a kind that no rule here looks at. */
export interface OtherName {
  /** Tells it from the other kinds. */
  readonly kind: "other";
  /** Its tag in DER. */
  readonly tag: number;
}

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

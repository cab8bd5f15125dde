import type { JsonObject, JsonValue } from "../message.js";
import { listRules } from "./number-rules.js";
import type { ValueRule } from "./rules.js";

// PGV's well-known classes. Its strict name has the range from + to ., which lets the comma in; its loose class is one
// for names and values, allows the empty string and only keeps lines apart.
const headerNameStrict = /^:?[0-9a-zA-Z!#$%&'*+-.^_|~`]+$/;
const tab = 0x09;
const space = 0x20;
const del = 0x7f;
const lineEnds: ReadonlySet<number> = new Set([0x00, 0x0a, 0x0d]);
const hostnameLabel = /^[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?$/;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

const encoder = new TextEncoder();

/** Rules over strings. Lengths count code points, `_bytes` bytes of UTF-8. */
export function stringRules(rules: JsonObject): readonly ValueRule[] {
  const made: ValueRule[] = [
    ...textRules(rules),
    ...sizeRules(rules, ["len", "min_len", "max_len"], "characters", (value) => codePoints(value as string)),
    ...sizeRules(
      rules,
      ["len_bytes", "min_bytes", "max_bytes"],
      "bytes",
      (value) => encoder.encode(value as string).length,
    ),
    ...listRules(rules, (value) => value),
    ...formatRules(rules),
  ];
  return ignoreEmpty(rules, made, (value) => value === "");
}

/** Rules over bytes. */
export function bytesRules(rules: JsonObject): readonly ValueRule[] {
  const made = sizeRules(rules, ["len", "min_len", "max_len"], "bytes", (value) => (value as Uint8Array).length);
  return ignoreEmpty(rules, made, (value) => (value as Uint8Array).length === 0);
}

function ignoreEmpty(
  rules: JsonObject,
  made: readonly ValueRule[],
  empty: (value: unknown) => boolean,
): readonly ValueRule[] {
  return rules["ignore_empty"] === true
    ? made.map((rule) => (value) => (empty(value) ? undefined : rule(value)))
    : made;
}

function textRules(rules: JsonObject): ValueRule[] {
  const made: ValueRule[] = [];
  const add = (name: string, holds: (value: string, wanted: string) => boolean, words: string): void => {
    const wanted = rules[name];
    if (typeof wanted !== "string") return;
    made.push((value) => (holds(value as string, wanted) ? undefined : `must ${words} ${wanted}, is ${shown(value)}`));
  };
  add("const", (value, wanted) => value === wanted, "be");
  add("prefix", (value, wanted) => value.startsWith(wanted), "begin with");
  add("suffix", (value, wanted) => value.endsWith(wanted), "end with");
  add("contains", (value, wanted) => value.includes(wanted), "contain");
  add("not_contains", (value, wanted) => !value.includes(wanted), "not contain");
  const pattern = rules["pattern"];
  if (typeof pattern === "string") {
    const compiled = new RegExp(pattern, "u");
    made.push((value) => (compiled.test(value as string) ? undefined : `must match ${pattern}, is ${shown(value)}`));
  }
  return made;
}

function sizeRules(
  rules: JsonObject,
  [exact, min, max]: readonly [string, string, string],
  unit: string,
  size: (value: unknown) => number,
): ValueRule[] {
  const made: ValueRule[] = [];
  const bound = (name: string): number | undefined => amount(rules[name]);
  const [is, least, most] = [bound(exact), bound(min), bound(max)];
  if (is !== undefined)
    made.push((value) => (size(value) === is ? undefined : `must have ${is} ${unit}, has ${size(value)}`));
  if (least !== undefined) {
    made.push((value) => {
      if (size(value) >= least) return undefined;
      return least === 1 ? "must not be empty" : `needs at least ${least} ${unit}, has ${size(value)}`;
    });
  }
  if (most !== undefined) {
    made.push((value) => (size(value) <= most ? undefined : `may have at most ${most} ${unit}, has ${size(value)}`));
  }
  return made;
}

function amount(value: JsonValue | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

function shown(value: unknown): string {
  return JSON.stringify(String(value).slice(0, 60));
}

function formatRules(rules: JsonObject): ValueRule[] {
  const made: ValueRule[] = [];
  const add = (holds: (value: string) => boolean, words: string): void => {
    made.push((value) => (holds(value as string) ? undefined : `must be ${words}, is ${shown(value)}`));
  };
  const strict = rules["strict"] !== false;
  if (rules["well_known_regex"] === "HTTP_HEADER_NAME") {
    add(strict ? (value) => headerNameStrict.test(value) : isOneLine, "a header name");
  }
  if (rules["well_known_regex"] === "HTTP_HEADER_VALUE") {
    add(strict ? isHeaderValue : isOneLine, "a header value");
  }
  if (rules["hostname"] === true) add(isHostname, "a host name");
  if (rules["ip"] === true) add((value) => isIpv4(value) || isIpv6(value), "an IP address");
  if (rules["ipv4"] === true) add(isIpv4, "an IPv4 address");
  if (rules["ipv6"] === true) add(isIpv6, "an IPv6 address");
  if (rules["address"] === true) {
    add((value) => isHostname(value) || isIpv4(value) || isIpv6(value), "a host name or an IP address");
  }
  if (rules["uri"] === true) add((value) => URL.canParse(value), "an absolute URI");
  if (rules["uri_ref"] === true) add((value) => URL.canParse(value, "http://base.invalid"), "a URI reference");
  if (rules["uuid"] === true) add((value) => uuid.test(value), "a UUID");
  if (rules["email"] === true) add(isEmail, "an e-mail address");
  return made;
}

/** No control characters but the tab. */
function isHeaderValue(text: string): boolean {
  return everyCode(text, (code) => (code >= space && code !== del) || code === tab);
}

function isOneLine(text: string): boolean {
  return everyCode(text, (code) => !lineEnds.has(code));
}

function everyCode(text: string, holds: (code: number) => boolean): boolean {
  for (let index = 0; index < text.length; index++) if (!holds(text.charCodeAt(index))) return false;
  return true;
}

function isHostname(text: string): boolean {
  const name = text.toLowerCase().replace(/\.$/, "");
  return name.length <= 253 && name.split(".").every((label) => label.length <= 63 && hostnameLabel.test(label));
}

function isIpv4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^(?:0|[1-9][0-9]{0,2})$/.test(part) && Number(part) <= 255);
}

function isIpv6(text: string): boolean {
  return text.includes(":") && URL.canParse(`http://[${text}]/`) && !text.includes("%");
}

function isEmail(text: string): boolean {
  const at = text.lastIndexOf("@");
  return text.length <= 254 && at > 0 && at <= 64 && isHostname(text.slice(at + 1));
}

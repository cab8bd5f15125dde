const ESCAPES: Readonly<Record<string, string>> = {
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  "\\": "\\\\",
  '"': '\\"',
};

const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

/** Go's `strconv.Quote`: the messages of the original quote values with it. */
export function goQuote(text: string): string {
  let out = '"';
  for (const char of text) out += ESCAPES[char] ?? (PRINTABLE.test(char) ? char : escapeCodePoint(char));
  return `${out}"`;
}

function escapeCodePoint(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code > 0xffff ? `\\U${code.toString(16).padStart(8, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
}

/** A value read from text, or why it could not be: Go's wording, and the zero its parser leaves behind. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly value: T; readonly message: string };

const TRUE: ReadonlySet<string> = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const FALSE: ReadonlySet<string> = new Set(["0", "f", "F", "FALSE", "false", "False"]);

/** Go's `strconv.ParseBool`. */
export function parseGoBool(text: string): Parsed<boolean> {
  if (TRUE.has(text)) return { ok: true, value: true };
  if (FALSE.has(text)) return { ok: true, value: false };
  return { ok: false, value: false, message: `strconv.ParseBool: parsing ${goQuote(text)}: invalid syntax` };
}

const UINT = /^(?:0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO]?(?:_?[0-7])+|0|[1-9](?:_?[0-9])*)$/;

/** Go's `strconv.ParseUint(text, 0, 16)`: base prefixes and underscores; a number too large leaves 65535. */
export function parseGoUint16(text: string): Parsed<number> {
  const problem = (what: string): string => `strconv.ParseUint: parsing ${goQuote(text)}: ${what}`;
  if (!UINT.test(text)) return { ok: false, value: 0, message: problem("invalid syntax") };
  const digits = text.replaceAll("_", "");
  const octal = /^0[0-7]+$/.test(digits);
  const value = octal ? Number.parseInt(digits, 8) : Number(digits);
  if (value > 0xffff) return { ok: false, value: 0xffff, message: problem("value out of range") };
  return { ok: true, value };
}

/** Go's `strconv.Atoi`: decimal digits with an optional sign. */
export function parseGoInt(text: string): Parsed<bigint> {
  const problem = (what: string): string => `strconv.Atoi: parsing ${goQuote(text)}: ${what}`;
  if (!/^[+-]?[0-9]+$/.test(text)) return { ok: false, value: 0n, message: problem("invalid syntax") };
  const value = BigInt(text.replace(/^\+/, ""));
  if (value > 0x7fff_ffff_ffff_ffffn || value < -0x8000_0000_0000_0000n) {
    return { ok: false, value: 0n, message: problem("value out of range") };
  }
  return { ok: true, value };
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Go's `time.ParseDuration`, in milliseconds. */
export function parseGoDuration(text: string): Parsed<number> {
  const fail = (message: string): Parsed<number> => ({ ok: false, value: 0, message: `time: ${message}` });
  const invalid = `invalid duration ${goQuote(text)}`;
  const unsigned = text.replace(/^[+-]/, "");
  const sign = text.startsWith("-") ? -1 : 1;
  if (unsigned === "0") return { ok: true, value: 0 };
  if (unsigned === "") return fail(invalid);
  let rest = unsigned;
  let ms = 0;
  while (rest !== "") {
    const number = /^(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)/.exec(rest)?.[0];
    if (number === undefined) return fail(invalid);
    rest = rest.slice(number.length);
    const unit = /^[^.0-9]+/.exec(rest)?.[0];
    if (unit === undefined) return fail(`missing unit in duration ${goQuote(text)}`);
    const factor = Object.hasOwn(UNIT_MS, unit) ? UNIT_MS[unit] : undefined;
    if (factor === undefined) return fail(`unknown unit ${goQuote(unit)} in duration ${goQuote(text)}`);
    rest = rest.slice(unit.length);
    ms += Number(number) * factor;
    // 2^63 nanoseconds is as far as Go's Duration reaches.
    if (ms * 1e6 > 2 ** 63) return fail(invalid);
  }
  return { ok: true, value: sign * ms };
}

import type { Duration, Timestamp } from "./message.js";

const durationText = /^(-?)([0-9]{1,12})(?:\.([0-9]{1,9}))?s$/;
const maxDurationSeconds = 315_576_000_000n;

/** Reads protobuf's JSON form of a duration, such as `1.5s`; `undefined` if it is none or out of range. */
export function parseDuration(text: string): Duration | undefined {
  const match = durationText.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = "0", fraction = ""] = match;
  const seconds = BigInt(whole);
  const nanos = Number(fraction.padEnd(9, "0"));
  if (seconds > maxDurationSeconds) return undefined;
  return sign === "-" ? spare({ seconds: -seconds, nanos: -nanos }) : spare({ seconds, nanos });
}

/** Writes a duration as canonical JSON: seconds with no, three, six or nine decimals. */
export function formatDuration({ seconds = 0n, nanos = 0 }: Duration): string {
  const sign = seconds < 0n || nanos < 0 ? "-" : "";
  return `${sign}${seconds < 0n ? -seconds : seconds}${decimals(Math.abs(nanos))}s`;
}

/** A duration in milliseconds, rounded to the nearest microsecond. */
export function durationToMs({ seconds = 0n, nanos = 0 }: Duration): number {
  return Number(seconds) * 1000 + Math.round(nanos / 1000) / 1000;
}

/** Milliseconds as a duration, exact to the nanosecond. */
export function durationFromMs(ms: number): Duration {
  const whole = Math.trunc(ms / 1000);
  return spare({ seconds: BigInt(whole), nanos: Math.round((ms - whole * 1000) * 1e6) });
}

const timestampText =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?(?:Z|([+-])([0-9]{2}):([0-9]{2}))$/;

/** Reads an RFC 3339 timestamp with offset; `undefined` if it is none or outside the years 1 to 9999. */
export function parseTimestamp(text: string): Timestamp | undefined {
  const match = timestampText.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const [, , , , , , , fraction = "", sign = "+", offsetHours = "0", offsetMinutes = "0"] = match;
  const offset = (Number(offsetHours) * 60 + Number(offsetMinutes)) * (sign === "-" ? -60 : 60);
  const seconds = daysSinceEpoch(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset;
  if (seconds < minTimestamp || seconds > maxTimestamp) return undefined;
  return spare({ seconds: BigInt(seconds), nanos: Number(fraction.padEnd(9, "0")) });
}

/** Writes a timestamp as canonical JSON, in UTC; `undefined` if it is outside the years 1 to 9999. */
export function formatTimestamp({ seconds = 0n, nanos = 0 }: Timestamp): string | undefined {
  const total = Number(seconds);
  if (total < minTimestamp || total > maxTimestamp || nanos < 0 || nanos > 999_999_999) return undefined;
  const days = Math.floor(total / 86_400);
  const rest = total - days * 86_400;
  const [year, month, day] = civil(days);
  const two = (value: number): string => String(value).padStart(2, "0");
  const time = `${two(Math.floor(rest / 3600))}:${two(Math.floor(rest / 60) % 60)}:${two(rest % 60)}`;
  return `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}T${time}${decimals(nanos)}Z`;
}

const minTimestamp = -62_135_596_800;
const maxTimestamp = 253_402_300_799;

function decimals(nanos: number): string {
  if (nanos === 0) return "";
  const digits = String(nanos).padStart(9, "0");
  if (digits.endsWith("000000")) return `.${digits.slice(0, 3)}`;
  return digits.endsWith("000") ? `.${digits.slice(0, 6)}` : `.${digits}`;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days from 1970-01-01 in the proleptic Gregorian calendar; years begin in March so that leap days come last. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return (
    era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468
  );
}

/** The inverse of {@link daysSinceEpoch}. */
function civil(days: number): [year: number, month: number, day: number] {
  const z = days + 719_468;
  const era = Math.floor(z / 146_097);
  const dayOfEra = z - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1;
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  return [yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day];
}

/** Leaves out what equals the proto default. */
function spare({ seconds, nanos }: { seconds: bigint; nanos: number }): Duration {
  return { ...(seconds === 0n ? {} : { seconds }), ...(nanos === 0 ? {} : { nanos }) };
}

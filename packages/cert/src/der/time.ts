import { type DerReader, Tag } from "./reader.js";
import { der, latin1 } from "./writer.js";

const DAY_MS = 86_400_000;

/** Days from 1970-01-01 to a date of the Gregorian calendar. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  // Years start in March here, so that the leap day is the last day of one.
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** The calendar date and time of an instant: year, month, day, hour, minute, second. */
function civil(ms: number): readonly [number, number, number, number, number, number] {
  const days = Math.floor(ms / DAY_MS);
  const seconds = Math.floor((ms - days * DAY_MS) / 1000);
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return [year, month, day, Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
}

const digits = (value: number, width: number): string => String(value).padStart(width, "0");

/** An instant as `2027-01-01T00:00:00Z`, for messages. */
export function formatTime(ms: number): string {
  const [year, month, day, hour, minute, second] = civil(ms);
  return `${digits(year, 4)}-${digits(month, 2)}-${digits(day, 2)}T${digits(hour, 2)}:${digits(minute, 2)}:${digits(second, 2)}Z`;
}

/**
 * Reads a time as milliseconds since 1970: UTCTime or GeneralizedTime, with seconds, in UTC, without fractions.
 *
 * @see https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5
 */
export function readTime(reader: DerReader): number {
  const { tag, content } = reader.next();
  const width = tag === Tag.utcTime ? 2 : tag === Tag.generalizedTime ? 4 : 0;
  if (width === 0) throw reader.fail("expected a time");
  const text = String.fromCharCode(...content.subarray(0, 32));
  if (content.length !== width + 11 || !/^\d+Z$/.test(text))
    throw reader.fail("a time is not written as RFC 5280 demands");
  const at = (from: number): number => Number(text.slice(width + from, width + from + 2));
  const first = Number(text.slice(0, width));
  const year = width === 4 ? first : first < 50 ? 2000 + first : 1900 + first;
  const [month, day, hour, minute, second] = [at(0), at(2), at(4), at(6), at(8)];
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month) || hour > 23 || minute > 59 || second > 59) {
    throw reader.fail("a time is not on the calendar");
  }
  return daysSinceEpoch(year, month, day) * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000;
}

/** Writes a time, whole seconds: UTCTime through 2049, GeneralizedTime from then on. */
export function writeTime(ms: number): Uint8Array {
  const [year, ...rest] = civil(ms);
  const tail = `${rest.map((part) => digits(part, 2)).join("")}Z`;
  return year >= 1950 && year < 2050
    ? der(Tag.utcTime, latin1(digits(year % 100, 2) + tail))
    : der(Tag.generalizedTime, latin1(digits(year, 4) + tail));
}

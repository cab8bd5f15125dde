import type { FormatInput, Value } from "./values.js";

const names = {
  days: ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"],
  months: [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
  ],
} as const;

/** The parts of a moment in UTC. */
interface Moment {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly weekday: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly ms: number;
}

/** Civil date of milliseconds since the epoch: days are counted from March, so that leap days come last. */
function moment(ms: number): Moment {
  const days = Math.floor(ms / 86_400_000);
  const rest = ms - days * 86_400_000;
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shiftedMonth < 10 ? shiftedMonth + 2 : shiftedMonth - 10;
  return {
    year: yearOfEra + era * 400 + (month < 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1,
    weekday: (((days + 4) % 7) + 7) % 7,
    hour: Math.floor(rest / 3_600_000),
    minute: Math.floor(rest / 60_000) % 60,
    second: Math.floor(rest / 1000) % 60,
    ms: Math.floor(rest % 1000),
  };
}

const pad = (value: number, width = 2): string => String(value).padStart(width, "0");

/** `START_TIME(format)`: strftime in UTC, with Envoy's `%s` and `%1f`–`%9f`; ISO 8601 with milliseconds by default. */
export function startTime(format: string): Value {
  return formattedTime(format, (input) => input.facts.context.now);
}

/** A moment in Unix milliseconds, written as `START_TIME` writes its own. */
export function formattedTime(format: string, read: (input: FormatInput) => number | undefined): Value {
  const wanted = format === "" ? "%Y-%m-%dT%H:%M:%S.%3fZ" : format;
  return (input) => {
    const ms = read(input);
    return ms === undefined ? undefined : strftime(wanted, ms);
  };
}

function strftime(format: string, ms: number): string {
  const at = moment(ms);
  return format.replaceAll(/%(E?\d?[A-Za-z%])/g, (whole: string, directive: string) => {
    if (/^\d?f$/.test(directive)) return fraction(at.ms, directive.length > 1 ? Number(directive.at(0)) : 9);
    if (/^E\df$/.test(directive)) return fraction(at.ms, Number(directive.at(1)));
    switch (directive) {
      case "Y":
        return pad(at.year, 4);
      case "y":
        return pad(at.year % 100);
      case "m":
        return pad(at.month + 1);
      case "d":
        return pad(at.day);
      case "e":
        return String(at.day).padStart(2, " ");
      case "H":
        return pad(at.hour);
      case "I":
        return pad(at.hour % 12 === 0 ? 12 : at.hour % 12);
      case "M":
        return pad(at.minute);
      case "S":
        return pad(at.second);
      case "p":
        return at.hour < 12 ? "AM" : "PM";
      case "s":
        return String(Math.floor(ms / 1000));
      case "z":
        return "+0000";
      case "Z":
        return "UTC";
      case "F":
        return `${pad(at.year, 4)}-${pad(at.month + 1)}-${pad(at.day)}`;
      case "T":
        return `${pad(at.hour)}:${pad(at.minute)}:${pad(at.second)}`;
      case "a":
        return names.days[at.weekday]?.slice(0, 3) ?? "";
      case "A":
        return names.days[at.weekday] ?? "";
      case "b":
        return names.months[at.month]?.slice(0, 3) ?? "";
      case "B":
        return names.months[at.month] ?? "";
      case "%":
        return "%";
      default:
        return whole;
    }
  });
}

function fraction(ms: number, digits: number): string {
  return `${pad(ms, 3)}000000`.slice(0, digits);
}

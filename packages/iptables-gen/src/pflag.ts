import { IptablesError } from "./errors.js";
import { goQuote, type Parsed, parseGoBool, parseGoDuration, parseGoUint16 } from "./go-text.js";

/** Value of a flag after parsing; a duration is in milliseconds. */
export type FlagValue = string | boolean | number;

/** What the parser has to know of a flag. */
export interface FlagSyntax {
  /** Long name, without dashes. */
  readonly long: string;
  /** One letter, without dash. */
  readonly short?: string;
  /** Syntax of the value; an `int` is accepted as text. */
  readonly type: "string" | "bool" | "uint16" | "duration" | "int";
}

/** A command line after parsing. */
export interface ParsedArguments {
  /** Last value of each flag given, by long name. */
  readonly values: ReadonlyMap<string, FlagValue>;
  /** Words that are neither flags nor values. */
  readonly positional: readonly string[];
  /** `--help` or `-h` stood before the first error. */
  readonly help: boolean;
}

/** Reads one value as its flag's type asks. A value that is none leaves the type's zero. */
export function parseFlagValue(type: FlagSyntax["type"], text: string): Parsed<FlagValue> {
  switch (type) {
    case "bool":
      return parseGoBool(text);
    case "uint16":
      return parseGoUint16(text);
    case "duration":
      return parseGoDuration(text);
    case "string":
    case "int":
      return { ok: true, value: text };
  }
}

/**
 * Parses words as Go's pflag does: glued and clustered short flags, `--x=y`, flags after positional words, `--` ends flags.
 *
 * @throws {@link IptablesError} `ERR_IPTABLES_FLAG_UNKNOWN`, `ERR_IPTABLES_FLAG_SYNTAX` or `ERR_IPTABLES_FLAG_VALUE`, exit code 255.
 */
export function parseArguments(flags: readonly FlagSyntax[], argv: readonly string[]): ParsedArguments {
  const byLong = new Map(flags.map((flag) => [flag.long, flag]));
  const byShort = new Map(flags.flatMap((flag) => (flag.short === undefined ? [] : [[flag.short, flag] as const])));
  const values = new Map<string, FlagValue>();
  const positional: string[] = [];
  let next = 0;

  const set = (flag: FlagSyntax, text: string): void => {
    const parsed = parseFlagValue(flag.type, text);
    if (!parsed.ok) {
      const name = flag.short === undefined ? `--${flag.long}` : `-${flag.short}, --${flag.long}`;
      const message = `invalid argument ${goQuote(text)} for ${goQuote(name)} flag: ${parsed.message}`;
      throw refuse("ERR_IPTABLES_FLAG_VALUE", message, `--${flag.long}`);
    }
    values.set(flag.long, parsed.value);
  };
  /** The value of a flag that has none glued to it: implied for a bool, else the next word. */
  const setFromNext = (flag: FlagSyntax, missing: string): void => {
    const value = flag.type === "bool" ? "true" : argv[next++];
    if (value === undefined) throw refuse("ERR_IPTABLES_FLAG_SYNTAX", `flag needs an argument: ${missing}`, missing);
    set(flag, value);
  };
  /** Returns whether help was asked for. */
  const parseLong = (word: string): boolean => {
    const body = word.slice(2);
    if (body.startsWith("-") || body.startsWith("=")) {
      throw refuse("ERR_IPTABLES_FLAG_SYNTAX", `bad flag syntax: ${word}`, word);
    }
    const equals = body.indexOf("=");
    const name = equals < 0 ? body : body.slice(0, equals);
    const flag = byLong.get(name);
    if (flag === undefined) {
      if (name === "help") return true;
      throw refuse("ERR_IPTABLES_FLAG_UNKNOWN", `unknown flag: --${name}`, `--${name}`);
    }
    if (equals < 0) setFromNext(flag, `--${name}`);
    else set(flag, body.slice(equals + 1));
    return false;
  };
  const parseShort = (word: string): boolean => {
    let cluster = word.slice(1);
    while (cluster !== "") {
      const letter = cluster.charAt(0);
      const flag = byShort.get(letter);
      if (flag === undefined) {
        if (letter === "h") return true;
        throw refuse("ERR_IPTABLES_FLAG_UNKNOWN", `unknown shorthand flag: '${letter}' in -${cluster}`, `-${letter}`);
      }
      const rest = cluster.slice(1);
      if (rest.length > 1 && rest.startsWith("=")) {
        set(flag, rest.slice(1));
        return false;
      }
      if (flag.type === "bool") {
        set(flag, "true");
        cluster = rest;
      } else {
        if (rest === "") setFromNext(flag, `'${letter}' in -${cluster}`);
        else set(flag, rest);
        return false;
      }
    }
    return false;
  };

  while (next < argv.length) {
    const word = argv[next++] ?? "";
    if (word === "--") {
      positional.push(...argv.slice(next));
      break;
    }
    if (!word.startsWith("-") || word === "-") positional.push(word);
    else if (word.startsWith("--") ? parseLong(word) : parseShort(word)) return { values, positional, help: true };
  }
  return { values, positional, help: false };
}

function refuse(
  code: "ERR_IPTABLES_FLAG_UNKNOWN" | "ERR_IPTABLES_FLAG_SYNTAX" | "ERR_IPTABLES_FLAG_VALUE",
  message: string,
  path: string,
): IptablesError {
  return new IptablesError(code, message, { path, exitCode: 255 });
}

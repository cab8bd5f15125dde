/** A piece of a format string. */
export type FormatPiece =
  | { readonly kind: "text"; readonly text: string }
  | {
      readonly kind: "command";
      /** Name in capitals. */
      readonly name: string;
      /** Text in parentheses; absent without parentheses. */
      readonly argument: string | undefined;
      /** `:LEN`, or −1. */
      readonly limit: number;
    };

// NAME, optionally (argument) up to the first `)` that is followed by `%` or `:digits%`, optionally :length.
const command = /%([A-Z0-9_]+)(?:\(((?:[^)]|\)(?!(?::\d+)?%))*)\))?(?::(\d+))?%/y;

/** The reason why a format string does not parse, as text for people. */
export interface FormatProblem {
  /** Where in the string. */
  readonly position: number;
  /** What is wrong. */
  readonly message: string;
}

/**
 * Splits a format string: `%%` is a percent sign, `%COMMAND(argument):length%` a command, anything else text.
 *
 * @see https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/observability/access_log/usage#format-strings
 */
export function parseFormat(text: string): readonly FormatPiece[] | FormatProblem {
  const pieces: FormatPiece[] = [];
  let literal = "";
  let at = 0;
  while (at < text.length) {
    const percent = text.indexOf("%", at);
    if (percent < 0) break;
    literal += text.slice(at, percent);
    if (text.charCodeAt(percent + 1) === 37) {
      literal += "%";
      at = percent + 2;
      continue;
    }
    command.lastIndex = percent;
    const found = command.exec(text);
    if (found === null)
      return { position: percent, message: `no valid command at position ${percent} of ${JSON.stringify(text)}` };
    if (literal !== "") pieces.push({ kind: "text", text: literal });
    literal = "";
    const [whole, name, argument, limit] = found;
    pieces.push({ kind: "command", name: name as string, argument, limit: limit === undefined ? -1 : Number(limit) });
    at = percent + whole.length;
  }
  literal += text.slice(at);
  if (literal !== "") pieces.push({ kind: "text", text: literal });
  return pieces;
}

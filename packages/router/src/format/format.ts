import { byteText } from "../ascii.js";
import type { Scope } from "../scope.js";
import type { Surroundings } from "../surroundings.js";
import { compileCommand } from "./command.js";
import { parseFormat } from "./parse.js";
import type { FormatInput, Value } from "./values.js";

/** A compiled format string: its text for one input. */
export type Format = (input: FormatInput) => string;

/**
 * Compiles a format string.
 *
 * @param missing - What a command without a value gives: nothing in header values, `-` elsewhere.
 */
export function compileFormat(text: string, missing: "" | "-", scope: Scope, surroundings: Surroundings): Format {
  const pieces = parseFormat(text);
  if ("message" in pieces) {
    scope.report("ERR_ROUTER_FORMAT_INVALID", pieces.message);
    return () => "";
  }
  const values: (string | Value)[] = [];
  for (const piece of pieces) {
    if (piece.kind === "text") values.push(byteText(piece.text));
    else values.push(compileCommand(piece, scope, surroundings));
  }
  const [only] = values;
  if (values.length === 0) return () => "";
  if (values.length === 1 && typeof only === "string") return () => only;
  if (values.length === 1 && typeof only === "function") return (input) => only(input) ?? missing;
  return (input) => {
    let out = "";
    for (const value of values) out += typeof value === "string" ? value : (value(input) ?? missing);
    return out;
  };
}

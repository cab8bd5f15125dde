import type { FormatInput } from "./format/values.js";
import type { HeaderFields } from "./header/fields.js";
import { applyMutation, type HeaderMutation } from "./header/mutation.js";

/** The header mutations of one level of a configuration. */
export interface Level {
  readonly request: HeaderMutation | undefined;
  readonly response: HeaderMutation | undefined;
}

/** Applies the levels: route, host, table; the other way round where the most specific is to win. */
export function applyLevels(
  levels: readonly [route: Level, host: Level, table: Level],
  direction: "request" | "response",
  mostSpecificWins: boolean,
  fields: HeaderFields,
  input: FormatInput,
): void {
  for (let i = 0; i < 3; i++) {
    const mutation = (levels[mostSpecificWins ? 2 - i : i] as Level)[direction];
    if (mutation !== undefined) applyMutation(mutation, fields, input);
  }
}

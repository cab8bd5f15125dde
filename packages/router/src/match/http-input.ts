import { asciiLower } from "../ascii.js";
import { messageOf, type NamedConfig } from "../extension.js";
import type { RequestFacts } from "../facts.js";
import type { Scope } from "../scope.js";
import { compileConnectionInput } from "./connection-input.js";

/** Reads something of a request; `undefined` if it has none. */
export type HttpInput = (facts: RequestFacts) => string | undefined;

const headerInput = "envoy.type.matcher.v3.HttpRequestHeaderMatchInput";
const filterStateInput = "envoy.extensions.matching.common_inputs.network.v3.FilterStateInput";

/** Compiles an input that reads a request or its connection; `undefined` if it is not one. */
export function compileHttpInput(config: NamedConfig, scope: Scope): HttpInput | undefined {
  const header = messageOf<{ readonly headerName?: string }>(config.typedConfig, headerInput, scope);
  if (header !== undefined) {
    const name = asciiLower(header.headerName ?? "");
    return (facts) => {
      const values = facts.headerValues(name);
      return values.length === 0 ? undefined : values.join(",");
    };
  }
  const state = messageOf<{ readonly key?: string }>(config.typedConfig, filterStateInput, scope);
  if (state !== undefined) {
    const key = state.key ?? "";
    return ({ request }) =>
      request.filterState !== undefined && Object.hasOwn(request.filterState, key)
        ? request.filterState[key]
        : undefined;
  }
  const input = compileConnectionInput(config);
  if (input === undefined) return undefined;
  return ({ request }) => (request.connection === undefined ? undefined : input(request.connection));
}

import { byteText } from "../ascii.js";
import { fieldsOf, jsonPath } from "../json.js";
import type { Scope } from "../scope.js";
import type { Surroundings } from "../surroundings.js";
import type { FormatInput, Value } from "./values.js";

const nothing: Value = () => undefined;

/** `METADATA(TYPE:namespace:key…)`, `DYNAMIC_METADATA(namespace:key…)` and their kin. */
export function metadata(name: string, argument: string, scope: Scope, surroundings: Surroundings): Value {
  const keys = legacyKeys(argument) ?? argument.split(":");
  const type = name === "METADATA" ? (keys.shift() ?? "") : name.replace("_METADATA", "");
  const namespace = keys.shift() ?? "";
  switch (type) {
    case "DYNAMIC":
      return (input) => text(jsonPath(fieldsOf(input.facts.request.metadata)?.[namespace], keys));
    case "ROUTE":
      return (input) => text(jsonPath(own(input.route?.metadata, namespace), keys));
    case "VIRTUAL_HOST":
      return (input) => text(jsonPath(own(input.virtualHost?.metadata, namespace), keys));
    case "CLUSTER":
      return (input) => text(jsonPath(own(surroundings.clusterMetadata(input.cluster ?? ""), namespace), keys));
    case "UPSTREAM":
    case "UPSTREAM_HOST":
    case "LISTENER":
    case "LISTENER_FILTER_CHAIN":
      return nothing;
    default:
      scope.report("ERR_ROUTER_FORMAT_INVALID", `%${name}% has no metadata of type ${JSON.stringify(type)}`);
      return nothing;
  }
}

/** `FILTER_STATE(key:PLAIN|TYPED|FIELD:name)`. */
export function filterState(name: string, argument: string, scope: Scope): Value {
  const [key = "", style = "TYPED", ...rest] = argument.split(":");
  if (!["PLAIN", "TYPED", "FIELD", ""].includes(style) || (style !== "FIELD" && rest.length > 0)) {
    scope.report("ERR_ROUTER_FORMAT_INVALID", `%${name}% expected PLAIN, TYPED or FIELD, got ${JSON.stringify(style)}`);
    return nothing;
  }
  if (name === "UPSTREAM_FILTER_STATE" || style === "FIELD") return nothing;
  return (input: FormatInput) => {
    const state = input.facts.request.filterState;
    if (state === undefined || !Object.hasOwn(state, key)) return undefined;
    return style === "PLAIN" ? state[key] : JSON.stringify(state[key]);
  };
}

/** The old spelling: a JSON array of strings. */
function legacyKeys(argument: string): string[] | undefined {
  if (!argument.trimStart().startsWith("[")) return undefined;
  try {
    const keys: unknown = JSON.parse(argument);
    return Array.isArray(keys) ? keys.map(String) : undefined;
  } catch {
    return undefined;
  }
}

function own(metadata: Readonly<Record<string, unknown>> | undefined, namespace: string): unknown {
  return fieldsOf(metadata)?.[namespace];
}

/** Scalars as text, everything else as JSON; a missing or null value is missing. */
function text(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  return byteText(typeof value === "string" ? value : JSON.stringify(value));
}

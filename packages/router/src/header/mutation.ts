import type { HeaderValueOption } from "@weftmesh/xds-types/envoy/config/core/v3";
import { asciiLower, byteText, latin1 } from "../ascii.js";
import { compileFormat, type Format } from "../format/format.js";
import type { FormatInput } from "../format/values.js";
import type { Scope } from "../scope.js";
import type { Surroundings } from "../surroundings.js";
import type { HeaderFields } from "./fields.js";

type Action = "APPEND_IF_EXISTS_OR_ADD" | "ADD_IF_ABSENT" | "OVERWRITE_IF_EXISTS_OR_ADD" | "OVERWRITE_IF_EXISTS";

const actions: readonly Action[] = [
  "APPEND_IF_EXISTS_OR_ADD",
  "ADD_IF_ABSENT",
  "OVERWRITE_IF_EXISTS_OR_ADD",
  "OVERWRITE_IF_EXISTS",
];

interface Addition {
  readonly name: string;
  readonly value: Format;
  readonly action: Action;
  readonly keepEmpty: boolean;
}

/** What one level of a configuration adds to and removes from header fields. */
export interface HeaderMutation {
  readonly additions: readonly Addition[];
  readonly removals: readonly string[];
}

/**
 * Compiles the additions and removals of one level; `undefined` if there are none.
 *
 * @param direction - `request` or `response`: the prefix of the two fields.
 */
export function compileMutation(
  add: readonly HeaderValueOption[] | undefined,
  remove: readonly string[] | undefined,
  direction: "request" | "response",
  scope: Scope,
  surroundings: Surroundings,
): HeaderMutation | undefined {
  if ((add === undefined || add.length === 0) && (remove === undefined || remove.length === 0)) return undefined;
  const additions = (add ?? []).map((option, i) =>
    compileAddition(option, scope.item(`${direction}_headers_to_add`, i), surroundings),
  );
  const removals = (remove ?? []).map((name, i) => {
    const lower = asciiLower(byteText(name));
    const where = scope.item(`${direction}_headers_to_remove`, i);
    if (lower === "") where.report("ERR_ROUTER_FIELD_INVALID", "expected a header name, got none");
    else if (isProtected(lower))
      where.report("ERR_ROUTER_HEADER_FORBIDDEN", `${JSON.stringify(name)} may not be removed`);
    return lower;
  });
  return { additions, removals };
}

/** Names that only the router's own actions may change. */
export function isProtected(name: string): boolean {
  return name.startsWith(":") || name === "host";
}

function compileAddition(option: HeaderValueOption, scope: Scope, surroundings: Surroundings): Addition {
  const key = option.header?.key ?? "";
  const name = asciiLower(byteText(key));
  const where = scope.field("header");
  if (name === "") where.field("key").report("ERR_ROUTER_FIELD_INVALID", "expected a header name, got none");
  else if (isProtected(name)) {
    where.field("key").report("ERR_ROUTER_HEADER_FORBIDDEN", `${JSON.stringify(key)} may not be modified`);
  }
  const text = option.header?.value ?? "";
  const raw = option.header?.rawValue;
  return {
    name,
    value:
      text === "" && raw !== undefined && raw.length > 0
        ? compileFormat(latin1(raw), "", where.field("raw_value"), surroundings)
        : compileFormat(text, "", where.field("value"), surroundings),
    action: actionOf(option, scope),
    keepEmpty: option.keepEmptyValue === true,
  };
}

function actionOf(option: HeaderValueOption, scope: Scope): Action {
  const configured = option.appendAction ?? "APPEND_IF_EXISTS_OR_ADD";
  const action = typeof configured === "number" ? actions[configured] : configured;
  if (action === undefined || !actions.includes(action)) {
    scope.field("append_action").report("ERR_ROUTER_FIELD_INVALID", `expected a known action, got ${configured}`);
    return "APPEND_IF_EXISTS_OR_ADD";
  }
  if (option.append === undefined) return action;
  if (action !== "APPEND_IF_EXISTS_OR_ADD") {
    scope.report("ERR_ROUTER_FIELD_CONFLICT", "expected only one of append and append_action, got both");
  }
  return option.append ? "APPEND_IF_EXISTS_OR_ADD" : "OVERWRITE_IF_EXISTS_OR_ADD";
}

/**
 * Applies one level: removals, then values worked out from what is left, then overwrites, then appends.
 *
 * @see https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/http/http_conn_man/headers#custom-request-response-headers
 */
export function applyMutation(mutation: HeaderMutation, fields: HeaderFields, input: FormatInput): void {
  for (const name of mutation.removals) fields.remove(name);
  if (mutation.additions.length === 0) return;
  const overwrites: [string, string][] = [];
  const appends: [string, string][] = [];
  for (const addition of mutation.additions) {
    const value = addition.value(input);
    if (value === "" && !addition.keepEmpty) continue;
    const exists = fields.has(addition.name);
    switch (addition.action) {
      case "APPEND_IF_EXISTS_OR_ADD":
        appends.push([addition.name, value]);
        break;
      case "ADD_IF_ABSENT":
        if (!exists) appends.push([addition.name, value]);
        break;
      case "OVERWRITE_IF_EXISTS_OR_ADD":
        overwrites.push([addition.name, value]);
        break;
      case "OVERWRITE_IF_EXISTS":
        if (exists) overwrites.push([addition.name, value]);
        break;
    }
  }
  for (const [name, value] of overwrites) fields.set(name, value);
  for (const [name, value] of appends) fields.add(name, value);
}

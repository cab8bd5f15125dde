import { CheckContext } from "./check/context.js";
import { compileRules } from "./check/rules.js";
import {
  enumDescriptor,
  type FieldDescriptor,
  findMessage,
  type MessageDescriptor,
  messageDescriptor,
} from "./descriptor.js";
import type { Issue } from "./errors.js";
import type { Place } from "./json/context.js";
import type { CheckOptions } from "./message.js";
import { typeNameOf } from "./type-url.js";
import { anyType, jsonTypes, maxDepth, wrappers } from "./wire/special.js";
import { withhold } from "./withhold.js";

type Check = (value: unknown, context: CheckContext, place: Place | undefined, depth: number) => void;

const checks = new WeakMap<MessageDescriptor, Check>();

/** Everything the rules of the schema say about plain data of a type. */
export function checkMessage(
  type: MessageDescriptor,
  message: unknown,
  { severity }: CheckOptions = {},
): readonly Issue[] {
  const context = new CheckContext(severity);
  messageCheck(type)(message, context, undefined, 0);
  return context.issues;
}

function messageCheck(type: MessageDescriptor): Check {
  const known = checks.get(type);
  if (known !== undefined) return known;
  const made = compile(type);
  checks.set(type, made);
  return made;
}

/** The message in an `Any` is checked by its own type's rules, as Envoy does when it opens it. */
function checkAny(value: unknown, context: CheckContext, place: Place | undefined, depth: number): void {
  const any = value as { readonly typeUrl?: unknown; readonly message?: unknown } | undefined;
  if (any === undefined || any.message === undefined || typeof any.typeUrl !== "string") return;
  const type = findMessage(typeNameOf(any.typeUrl));
  if (type !== undefined) messageCheck(type)(any.message, context, place, depth + 1);
}

function compile(type: MessageDescriptor): Check {
  if (type.typeName === anyType) return checkAny;
  if (wrappers.has(type.typeName) || jsonTypes.has(type.typeName)) return () => {};
  const fields = type.fields.map((field) => fieldCheck(type, field)).filter((check) => check !== undefined);
  const oneofs = type.oneofs.filter((oneof) => oneof.required);
  return (value, context, place, depth) => {
    if (depth > maxDepth) return context.add("ERR_XDS_TYPES_LIMIT", place, `messages lie more than ${maxDepth} deep`);
    if (typeof value !== "object" || value === null) {
      return context.add("ERR_XDS_TYPES_VALUE", place, `expected an object (${type.typeName})`);
    }
    for (const check of fields) check(value, context, place, depth);
    for (const oneof of oneofs) {
      if (oneof.fields.some((field) => (value as Record<string, unknown>)[field.jsonName] !== undefined)) continue;
      const names = oneof.fields.map((field) => field.name).join(", ");
      const before = context.issues.length;
      context.add("ERR_XDS_TYPES_REQUIRED", place, `${oneof.name} is required: one of ${names}`);
      context.regrade(before, `${type.typeName}.${oneof.name}`);
    }
  };
}

/** The checks of one field over its message; nothing if there is nothing to check. */
function fieldCheck(type: MessageDescriptor, field: FieldDescriptor): Check | undefined {
  const rules = compileRules(field);
  const inner = innerCheck(field);
  const notices = noticeOf(field);
  if (rules === undefined && inner === undefined && notices === undefined) return undefined;
  const { jsonName: key, name } = field;
  const fullName = `${type.typeName}.${name}`;
  return (message, context, place, depth) => {
    const value = (message as Record<string, unknown>)[key];
    if (value === undefined && rules === undefined) return;
    const at: Place = { parent: place, key: name };
    const before = context.issues.length;
    if (rules !== undefined) rules(value, context, at);
    if (value !== undefined && notices !== undefined) {
      context.add("ERR_XDS_TYPES_DEPRECATED", at, notices, "warning");
    }
    if (context.issues.length > before) context.regrade(before, fullName);
    if (value === undefined) return;
    inner?.(value, context, at, depth);
    if (field.sensitive) withhold(context.issues, before);
  };
}

function noticeOf(field: FieldDescriptor): string | undefined {
  if (field.disallowed) return `${field.name} is deprecated and Envoy refuses it by default`;
  if (field.deprecated) return `${field.name} is deprecated`;
  return field.workInProgress ? `${field.name} is work in progress in Envoy` : undefined;
}

/** Goes into messages, and into enum values that are deprecated. */
function innerCheck(field: FieldDescriptor): Check | undefined {
  const element = elementCheck(field);
  if (element === undefined) return undefined;
  switch (field.cardinality) {
    case "one":
      return element;
    case "list":
      return (value, context, place, depth) => {
        if (!Array.isArray(value)) return context.add("ERR_XDS_TYPES_VALUE", place, "expected a list");
        for (let index = 0; index < value.length; index++) {
          element(value[index], context, { parent: place, key: index }, depth);
        }
      };
    case "map":
      return (value, context, place, depth) => {
        if (typeof value !== "object" || value === null) {
          return context.add("ERR_XDS_TYPES_VALUE", place, "expected an object");
        }
        for (const [key, item] of Object.entries(value))
          element(item, context, { parent: place, key, map: true }, depth);
      };
  }
}

function elementCheck(field: FieldDescriptor): Check | undefined {
  const { of } = field;
  if (of.kind === "scalar" || skips(field)) return undefined;
  if (of.kind === "enum") {
    const { deprecated, disallowed } = enumDescriptor(of.typeName);
    if (deprecated.size === 0) return undefined;
    return (value, context, place) => {
      if (typeof value !== "string" || !deprecated.has(value)) return;
      const refused = disallowed.has(value) ? " and Envoy refuses it by default" : "";
      const before = context.issues.length;
      context.add("ERR_XDS_TYPES_DEPRECATED", place, `${value} is deprecated${refused}`, "warning");
      context.regrade(before, `${of.typeName}.${value}`);
    };
  }
  const { typeName } = of;
  let check: Check | undefined;
  return (value, context, place, depth) => {
    check ??= messageCheck(messageDescriptor(typeName));
    check(value, context, place, depth + 1);
  };
}

function skips(field: FieldDescriptor): boolean {
  const message = field.rules?.["message"];
  return typeof message === "object" && message !== null && (message as { skip?: unknown }).skip === true;
}

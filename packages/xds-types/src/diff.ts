import { openAny } from "./any.js";
import { type FieldDescriptor, findMessage, type MessageDescriptor } from "./descriptor.js";
import { withheld, writeJson } from "./json/write.js";
import type { Any, JsonValue } from "./message.js";
import type { Resource } from "./resource.js";
import { typeNameOf } from "./type-url.js";
import { decodeMessage } from "./wire/decode.js";
import { anyType, jsonTypes, wrappers } from "./wire/special.js";

/** One field that differs between two forms of a resource. */
export interface FieldChange {
  /** In the proto's spelling: `virtual_hosts[0].routes[1].route.cluster`. */
  readonly path: string;
  /** Canonical JSON of what was there; absent if nothing was. */
  readonly before?: JsonValue;
  /** Canonical JSON of what is there; absent if nothing is. */
  readonly after?: JsonValue;
}

/** One resource that differs between two sets. */
export interface ResourceChange {
  /** Of the resource. */
  readonly typeUrl: string;
  /** Of the resource. */
  readonly name: string;
  /** What became of it. */
  readonly kind: "added" | "removed" | "changed";
  /** The fields that differ, in the order of their numbers; none for a resource that came or went. */
  readonly fields: readonly FieldChange[];
}

/**
 * Compares two sets of resources by type and name: what was added, removed, and which fields of the others changed.
 * Lists are compared item by item in their order. Sensitive values are withheld.
 */
export function diffResources(before: readonly Resource[], after: readonly Resource[]): readonly ResourceChange[] {
  const key = ({ typeUrl, name }: Resource): string => `${typeNameOf(typeUrl)} ${name}`;
  const old = new Map(before.map((resource) => [key(resource), resource]));
  const now = new Map(after.map((resource) => [key(resource), resource]));
  const changes: ResourceChange[] = [];
  for (const [id, { typeUrl, name, message }] of old) {
    const other = now.get(id);
    if (other === undefined) changes.push({ typeUrl, name, kind: "removed", fields: [] });
    else {
      const fields = diffMessages(typeUrl, message, other.message);
      if (fields.length > 0) changes.push({ typeUrl, name, kind: "changed", fields });
    }
  }
  for (const [id, { typeUrl, name }] of now) {
    if (!old.has(id)) changes.push({ typeUrl, name, kind: "added", fields: [] });
  }
  return changes;
}

function diffMessages(typeUrl: string, before: unknown, after: unknown): readonly FieldChange[] {
  const type = findMessage(typeNameOf(typeUrl));
  const changes: FieldChange[] = [];
  if (type !== undefined) message(type, before, after, "", changes);
  return changes;
}

type Fields = Readonly<Record<string, unknown>>;

function message(type: MessageDescriptor, before: unknown, after: unknown, path: string, changes: FieldChange[]): void {
  if (type.typeName === anyType) {
    inAny(before as Any | undefined, after as Any | undefined, path, changes);
    return;
  }
  const [old, now] = [(before ?? {}) as Fields, (after ?? {}) as Fields];
  const start = changes.length;
  for (const field of type.fields) {
    const at = path === "" ? field.name : `${path}.${field.name}`;
    one(type, field, old[field.jsonName], now[field.jsonName], at, changes);
  }
  // A message without fields may still come and go.
  if (changes.length > start || (before === undefined) === (after === undefined)) return;
  changes.push(before === undefined ? { path, after: {} } : { path, before: {} });
}

function one(
  type: MessageDescriptor,
  field: FieldDescriptor,
  before: unknown,
  after: unknown,
  path: string,
  changes: FieldChange[],
): void {
  if (before === undefined && after === undefined) return;
  const json = (value: unknown): JsonValue | undefined => {
    if (value === undefined) return undefined;
    const held = writeJson(type, { [field.jsonName]: value }, { fieldNames: "snake_case" }, decodeMessage);
    return (held as Readonly<Record<string, JsonValue>>)[field.name];
  };
  const inner = field.of.kind === "message" && !field.sensitive ? findMessage(field.of.typeName) : undefined;
  if (inner === undefined || hasOwnJson(inner)) {
    const [old, now] = [json(before), json(after)];
    if (JSON.stringify(old) === JSON.stringify(now)) return;
    const show = (value: JsonValue): JsonValue => (field.sensitive ? withheld : value);
    changes.push({
      path,
      ...(old === undefined ? {} : { before: show(old) }),
      ...(now === undefined ? {} : { after: show(now) }),
    });
    return;
  }
  if (field.cardinality === "one") {
    message(inner, before, after, path, changes);
    return;
  }
  const [old, now] = [(before ?? {}) as Fields, (after ?? {}) as Fields];
  for (const key of new Set([...Object.keys(old), ...Object.keys(now)])) {
    const at = field.cardinality === "list" ? `${path}[${key}]` : `${path}[${JSON.stringify(key)}]`;
    message(inner, old[key], now[key], at, changes);
  }
}

function hasOwnJson({ typeName }: MessageDescriptor): boolean {
  return wrappers.has(typeName) || jsonTypes.has(typeName) || /^google\.protobuf\.(?!Any$)/.test(typeName);
}

function inAny(before: Any | undefined, after: Any | undefined, path: string, changes: FieldChange[]): void {
  const name = (any: Any | undefined): string | undefined => any && typeNameOf(any.typeUrl);
  if (before !== undefined && after !== undefined && name(before) !== name(after)) {
    changes.push({ path: `${path}.@type`, before: before.typeUrl, after: after.typeUrl });
  }
  const sides = [before, name(before) === name(after) || before === undefined ? after : undefined];
  const type = findMessage(name(before ?? after) ?? "");
  const [old, now] = sides.map((any) => (any === undefined || type === undefined ? undefined : openAny(any).message));
  if (type !== undefined) message(type, old, now, path, changes);
  else if (String(before?.value) !== String(after?.value)) changes.push({ path, before: withheld, after: withheld });
}

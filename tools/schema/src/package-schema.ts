import {
  type DescEnum,
  type DescField,
  type DescFile,
  type DescMessage,
  type FileRegistry,
  getOption,
  hasOption,
  type JsonValue,
  ScalarType,
  toJson,
} from "@bufbuild/protobuf";
import { relativeName } from "./names.js";

/** The PGV rules and annotations this project reads, by the option's full name. */
const annotations = {
  rules: "validate.rules",
  required: "validate.required",
  sensitive: "udpa.annotations.sensitive",
  disallowed: "envoy.annotations.disallowed_by_default",
  disallowedEnum: "envoy.annotations.disallowed_by_default_enum",
  fieldStatus: "xds.annotations.v3.field_status",
  messageStatus: "xds.annotations.v3.message_status",
} as const;

/** The schema of one proto package in the compact form that `xds-types` reads at run time. */
export function packageSchema(files: readonly DescFile[], registry: FileRegistry): JsonValue {
  const messages: Record<string, JsonValue> = {};
  const enums: Record<string, JsonValue> = {};
  const addMessage = (message: DescMessage): void => {
    messages[relativeName(message)] = messageSchema(message, registry);
    for (const nested of message.nestedEnums) addEnum(nested);
    for (const nested of message.nestedMessages) addMessage(nested);
  };
  const addEnum = (type: DescEnum): void => {
    enums[relativeName(type)] = enumSchema(type, registry);
  };
  for (const file of files) {
    for (const message of file.messages) addMessage(message);
    for (const type of file.enums) addEnum(type);
  }
  return { m: messages, e: enums };
}

function messageSchema(message: DescMessage, registry: FileRegistry): JsonValue {
  const oneofs = message.oneofs.map((oneof) => [oneof.name, flag(oneof, annotations.required, registry) ? 1 : 0]);
  const fields = message.fields.map((field) => {
    const extra = fieldExtras(field, registry);
    const head = [field.number, field.name, fieldKind(field)];
    return Object.keys(extra).length === 0 ? head : [...head, extra];
  });
  const wip = workInProgress(message, annotations.messageStatus, registry);
  return {
    ...(fields.length > 0 ? { f: fields } : {}),
    ...(oneofs.length > 0 ? { o: oneofs } : {}),
    ...(message.deprecated ? { d: 1 } : {}),
    ...(wip ? { w: 1 } : {}),
  };
}

function enumSchema(type: DescEnum, registry: FileRegistry): JsonValue {
  return type.values.map((value) => {
    const disallowed = flag(value, annotations.disallowedEnum, registry);
    const notes = { ...(value.deprecated ? { d: 1 } : {}), ...(disallowed ? { x: 1 } : {}) };
    return Object.keys(notes).length === 0 ? [value.name, value.number] : [value.name, value.number, notes];
  });
}

/**
 * The type of a field: a scalar's name, `.pkg.Message` or `@pkg.Enum`, with `[]` in front of a list and `{key}` in
 * front of a map's value.
 */
function fieldKind(field: DescField): string {
  switch (field.fieldKind) {
    case "scalar":
      return scalarName(field.scalar);
    case "enum":
      return `@${field.enum.typeName}`;
    case "message":
      return `.${field.message.typeName}`;
    case "list":
      return `[]${elementKind(field)}`;
    case "map":
      return `{${scalarName(field.mapKey)}}${elementKind(field)}`;
  }
}

function elementKind(field: DescField & { fieldKind: "list" | "map" }): string {
  if (field.message !== undefined) return `.${field.message.typeName}`;
  if (field.enum !== undefined) return `@${field.enum.typeName}`;
  return scalarName(field.scalar as ScalarType);
}

function scalarName(scalar: ScalarType): string {
  return ScalarType[scalar].toLowerCase();
}

/** What is not the rule: oneof index, presence, packing, JSON name, PGV rules and annotations. */
function fieldExtras(field: DescField, registry: FileRegistry): Record<string, JsonValue> {
  const extra: Record<string, JsonValue> = {};
  if (field.oneof !== undefined) extra["o"] = field.parent.oneofs.indexOf(field.oneof);
  // 2 is IMPLICIT in descriptor.proto: everything else distinguishes absent from default.
  if (
    (field.fieldKind === "scalar" || field.fieldKind === "enum") &&
    field.presence !== 2 &&
    field.oneof === undefined
  ) {
    extra["p"] = 1;
  }
  if (field.fieldKind === "list" && isPackable(field) && !field.packed) extra["u"] = 1;
  if (field.jsonName !== camelCase(field.name)) extra["j"] = field.jsonName;
  const rules = registry.getExtension(annotations.rules);
  if (rules !== undefined && hasOption(field, rules)) {
    const schema = registry.getMessage("validate.FieldRules");
    if (schema === undefined) throw new Error("validate.FieldRules is not in the set");
    extra["r"] = toJson(schema, getOption(field, rules) as never, { registry, useProtoFieldName: true });
  }
  if (field.deprecated) extra["d"] = 1;
  if (flag(field, annotations.sensitive, registry)) extra["s"] = 1;
  if (flag(field, annotations.disallowed, registry)) extra["x"] = 1;
  if (workInProgress(field, annotations.fieldStatus, registry)) extra["w"] = 1;
  return extra;
}

function isPackable(field: DescField & { fieldKind: "list" }): boolean {
  return field.listKind !== "message" && field.scalar !== ScalarType.STRING && field.scalar !== ScalarType.BYTES;
}

/** protoc's lowerCamelCase: an underscore goes, and a letter after it becomes upper case. */
function camelCase(name: string): string {
  return name.replace(/_+(.?)/g, (_, next: string) => next.toUpperCase());
}

function flag(desc: Parameters<typeof hasOption>[0], option: string, registry: FileRegistry): boolean {
  const extension = registry.getExtension(option);
  if (extension === undefined) throw new Error(`${option} is not in the set`);
  return hasOption(desc, extension) && getOption(desc, extension) === true;
}

function workInProgress(desc: Parameters<typeof hasOption>[0], option: string, registry: FileRegistry): boolean {
  const extension = registry.getExtension(option);
  if (extension === undefined) throw new Error(`${option} is not in the set`);
  return hasOption(desc, extension) && (getOption(desc, extension) as { workInProgress: boolean }).workInProgress;
}

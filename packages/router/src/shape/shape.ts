import { shapes } from "../gen/shapes.js";

/** One field of a message: its kind as `gen/shapes.ts` spells it. */
export interface FieldShape {
  /** How often: once, as a list, or as a record. */
  readonly many: "one" | "list" | "map";
  /** A letter for scalars and well-known messages, `.` for a message, `@` for an enum. */
  readonly kind: string;
  /** Name of the message or enum. */
  readonly type: string;
  /** Number of the oneof it belongs to; −1 for none. */
  readonly oneof: number;
}

/** The fields of a message by their names in plain data. */
export type MessageShape = ReadonlyMap<string, FieldShape>;

// Caches of pure functions of the committed shapes: bounded by their number.
const messages = new Map<string, MessageShape>();
const enums = new Map<string, ReadonlySet<string>>();

/** The shape of a message; `undefined` if this package does not read it. */
export function messageShape(type: string): MessageShape | undefined {
  const known = messages.get(type);
  if (known !== undefined) return known;
  if (!Object.hasOwn(shapes, type)) return undefined;
  const made: MessageShape = new Map((shapes[type] ?? "").split(" ").filter(Boolean).map(readField));
  messages.set(type, made);
  return made;
}

/** The names of an enum's values. */
export function enumNames(type: string): ReadonlySet<string> {
  const known = enums.get(type);
  if (known !== undefined) return known;
  const made = new Set((shapes[`@${type}`] ?? "").split(" "));
  enums.set(type, made);
  return made;
}

const field = /^(\w+):(\[\]|\{\})?(.)([\w.]*)(?:\|(\d+))?$/;

function readField(text: string): [string, FieldShape] {
  const [, name = "", many, kind = "", type = "", oneof] = field.exec(text) ?? [];
  return [
    name,
    {
      many: many === undefined ? "one" : many === "[]" ? "list" : "map",
      kind,
      type,
      oneof: oneof === undefined ? -1 : Number(oneof),
    },
  ];
}

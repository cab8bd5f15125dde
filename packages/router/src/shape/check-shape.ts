import type { Scope } from "../scope.js";
import { defaultOf, describe, scalarProblem } from "./scalar.js";
import { type FieldShape, type MessageShape, messageShape } from "./shape.js";

/** protobuf's own limit on nested messages. */
const maxDepth = 100;

/**
 * Looks at whether a value is the plain data that its message type says, whatever it really is: other programs, hand-written JSON and
 * `any` hand over anything. What is wrong is reported, once and at its own place.
 *
 * @returns The value itself, or a copy without what was wrong, so that compiling can go on and find the other problems.
 */
export function checkShape<T>(value: T, type: string, scope: Scope): T {
  const checker = new ShapeChecker(scope);
  try {
    return checker.message(value, type) as T;
  } catch {
    // Proxies and the like may throw at any touch.
    scope.reportShape("", "ERR_ROUTER_FIELD_INVALID", "expected plain data, got an object that cannot be read");
    return {} as T;
  }
}

/** The same for a list of messages. */
export function checkShapes<T>(values: readonly T[], type: string, name: string, scope: Scope): readonly T[] {
  if (Array.isArray(values)) return values.map((value, i) => checkShape(value, type, scope.item(name, i)));
  scope.reportShape(name, "ERR_ROUTER_FIELD_INVALID", `expected an array, got ${describe(values)}`);
  return [];
}

class ShapeChecker {
  readonly #scope: Scope;
  readonly #path: (string | number)[] = [];
  /** The objects around the present place: one that comes again is a cycle. */
  readonly #open: object[] = [];

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  message(value: unknown, type: string): unknown {
    const shape = messageShape(type);
    if (shape === undefined || !this.#isRecord(value)) return shape === undefined ? value : {};
    if (!this.#enter(value)) return {};
    let copy: Record<string, unknown> | undefined;
    let oneofs: Map<number, string> | undefined;
    for (const key of Object.keys(value)) {
      const field = shape.get(key);
      const before = this.#own(value, key);
      if (before === undefined) continue;
      let after: unknown;
      if (field === undefined) this.#unknown(key, shape);
      else {
        this.#path.push(key);
        after = before === unreadable ? undefined : this.#field(before, field);
        this.#path.pop();
        if (field.oneof >= 0) {
          const other = oneofs?.get(field.oneof);
          if (other !== undefined) {
            const both = `${snake(other)} and ${snake(key)}`;
            this.#report("ERR_ROUTER_FIELD_CONFLICT", `expected only one of ${both}, got both`);
          }
          oneofs ??= new Map();
          oneofs.set(field.oneof, key);
        }
      }
      if (after === before) continue;
      copy ??= { ...value };
      if (after === undefined) delete copy[key];
      else copy[key] = after;
    }
    this.#open.pop();
    return copy ?? value;
  }

  #field(value: unknown, shape: FieldShape): unknown {
    if (shape.many === "list") return this.#list(value, shape);
    if (shape.many === "map") return this.#map(value, shape);
    return this.#single(value, shape);
  }

  /** One value; `undefined` for one that is wrong. */
  #single(value: unknown, shape: FieldShape): unknown {
    switch (shape.kind) {
      case ".":
        return this.message(value, shape.type);
      case "A":
        return this.#any(value);
      case "D":
        return this.#isRecord(value) ? this.message(value, "google.protobuf.Duration") : undefined;
      case "J":
        return this.#isRecord(value) && this.#json(value) ? value : undefined;
      case "V":
        return this.#json(value) ? value : undefined;
      case "?":
        return this.#isRecord(value) ? value : undefined;
      case "*":
        return value;
      default: {
        const problem = scalarProblem(shape, value);
        if (problem === undefined) return value;
        this.#report("ERR_ROUTER_FIELD_INVALID", problem);
        return undefined;
      }
    }
  }

  #list(value: unknown, shape: FieldShape): unknown {
    if (!Array.isArray(value)) {
      this.#report("ERR_ROUTER_FIELD_INVALID", `expected an array, got ${describe(value)}`);
      return undefined;
    }
    if (!this.#enter(value)) return undefined;
    let copy: unknown[] | undefined;
    for (let i = 0; i < value.length; i++) {
      if (!Object.hasOwn(value, i)) {
        this.#report("ERR_ROUTER_FIELD_INVALID", `expected a dense array, got one without an element ${i}`);
        copy = [];
        break;
      }
      const before = this.#own(value, i);
      this.#path.push(i);
      const after = before === unreadable ? undefined : this.#single(before, shape);
      this.#path.pop();
      // Something has to stand there, or the elements after it change their places.
      if (after === before && after !== undefined) continue;
      copy ??= [...(value as unknown[])];
      copy[i] = after ?? defaultOf(shape);
    }
    this.#open.pop();
    return copy ?? value;
  }

  #map(value: unknown, shape: FieldShape): unknown {
    if (!this.#isRecord(value) || !this.#enter(value)) return undefined;
    let copy: Record<string, unknown> | undefined;
    for (const key of Object.keys(value)) {
      const before = this.#own(value, key);
      this.#path.push(`[${JSON.stringify(key)}]`);
      const after = before === unreadable ? undefined : this.#single(before, shape);
      this.#path.pop();
      if (after === before && after !== undefined) continue;
      copy ??= Object.assign(Object.create(null), value) as Record<string, unknown>;
      if (after === undefined) delete copy[key];
      else copy[key] = after;
    }
    this.#open.pop();
    return copy ?? value;
  }

  /** An `Any`: as bytes, or with a message, which is looked at if this package reads its type. */
  #any(value: unknown): unknown {
    const any = this.message(value, "google.protobuf.Any") as { readonly typeUrl?: string; readonly message?: unknown };
    if (any.message === undefined) return any;
    const type = (any.typeUrl ?? "").replace(/^.*\//, "");
    // A wrapper stands as its value.
    if (type === "google.protobuf.StringValue" && typeof any.message === "string") return any;
    const message = this.#anyMessage(any.message, type);
    return message === any.message ? any : { ...any, message };
  }

  /** The message of an `Any`. One of a type that nobody here reads is left to whoever does, if it is a message at all. */
  #anyMessage(value: unknown, type: string): unknown {
    const opaque = messageShape(type) === undefined;
    if (!opaque) return this.message(value, type);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    // protobuf's own types stand as their values.
    if (isObject || type.startsWith("google.protobuf.")) return value;
    this.#path.push("message");
    this.#report("ERR_ROUTER_FIELD_INVALID", `expected a message, got ${describe(value)}`);
    this.#path.pop();
    return {};
  }

  /** Whether a value is what JSON can say; anything else is reported. */
  #json(value: unknown): boolean {
    if (value === null || ["string", "number", "boolean"].includes(typeof value)) return true;
    if (!Array.isArray(value) && !this.#isRecord(value)) return false;
    if (!this.#enter(value)) return false;
    let fine = true;
    for (const key of Object.keys(value)) {
      const inner = this.#own(value, key);
      this.#path.push(Array.isArray(value) ? Number(key) : `[${JSON.stringify(key)}]`);
      if (inner === unreadable || !this.#json(inner)) fine = false;
      this.#path.pop();
    }
    this.#open.pop();
    return fine;
  }

  /** Whether a value is an object as literals and JSON make it; anything else is reported. */
  #isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
    if (isPlain(value)) return true;
    this.#report("ERR_ROUTER_FIELD_INVALID", `expected a plain object, got ${describe(value)}`);
    return false;
  }

  /** Goes into an object, unless it is its own ancestor or too deep. */
  #enter(value: object): boolean {
    const cyclic = this.#open.includes(value);
    if (!cyclic && this.#open.length < 2 * maxDepth) {
      this.#open.push(value);
      return true;
    }
    const problem = cyclic ? "a cycle" : "more";
    this.#report("ERR_ROUTER_FIELD_INVALID", `expected at most ${maxDepth} nested messages, got ${problem}`);
    return false;
  }

  /** An own property that is a value. One with a getter could give another answer to the next reader. */
  #own(value: object, key: string | number): unknown {
    const property = Object.getOwnPropertyDescriptor(value, key);
    if (property !== undefined && "value" in property) return property.value;
    this.#path.push(key);
    this.#report("ERR_ROUTER_FIELD_INVALID", "expected a value, got a getter");
    this.#path.pop();
    return unreadable;
  }

  #unknown(key: string, shape: MessageShape): void {
    const camel = key.replaceAll(/_+(.?)/g, (_, next: string) => next.toUpperCase());
    const hint = camel !== key && shape.has(camel) ? `; plain data spells it ${JSON.stringify(camel)}` : "";
    this.#path.push(key);
    this.#report("ERR_ROUTER_FIELD_UNKNOWN", `the message has no such field${hint}`);
    this.#path.pop();
  }

  #report(
    code: "ERR_ROUTER_FIELD_INVALID" | "ERR_ROUTER_FIELD_UNKNOWN" | "ERR_ROUTER_FIELD_CONFLICT",
    message: string,
  ): void {
    let path = "";
    for (const step of this.#path) {
      if (typeof step === "number") path += `[${step}]`;
      else if (step.startsWith("[")) path += step;
      else path += path === "" ? snake(step) : `.${snake(step)}`;
    }
    this.#scope.reportShape(path, code, message);
  }
}

/** Stands for a property that was reported already. */
const unreadable = Symbol("unreadable");

function isPlain(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const parent: object | null = Object.getPrototypeOf(value);
  // The parent of all objects, of this realm or of another.
  return parent === Object.prototype || parent === null || Object.hasOwn(parent, "isPrototypeOf");
}

function snake(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

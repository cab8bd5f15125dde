import {
  create,
  type DescEnum,
  type DescField,
  type DescMessage,
  fromJson,
  type Message,
  ScalarType as Scalar,
  type ScalarType,
} from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { registry } from "./descriptors.js";

/** A generator of random messages: the same seed gives the same messages. */
export class RandomMessages {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A message with about half of its fields set, a few levels deep. */
  next(type: DescMessage, depth = 0): Message {
    const message = create(type);
    const known = this.#wellKnown(type, message);
    if (known !== undefined || depth > 4) return known ?? message;
    const view = reflect(type, message);
    const chosen = new Map(type.oneofs.map((oneof) => [oneof, this.#pick(oneof.fields)]));
    for (const field of type.fields) {
      if (field.oneof !== undefined && chosen.get(field.oneof) !== field) continue;
      if (this.#random() < (depth === 0 ? 0.1 : 0.45)) continue;
      this.#set(view, field, depth);
    }
    return message;
  }

  #set(view: ReflectMessage, field: DescField, depth: number): void {
    const count = Math.floor(this.#random() * 3);
    switch (field.fieldKind) {
      case "message":
        view.set(field, this.#inner(field.message, depth));
        return;
      case "enum":
        view.set(field, this.#enum(field.enum));
        return;
      case "scalar":
        view.set(field, this.#scalar(field.scalar));
        return;
      case "list":
        for (let index = 0; index < count; index++) view.get(field).add(this.#element(field, depth) as never);
        return;
      case "map":
        for (let index = 0; index < count; index++) {
          const key = this.#scalar(field.mapKey) as string;
          view.get(field).set(key as never, this.#element(field, depth) as never);
        }
        return;
    }
  }

  #element(field: DescField & { fieldKind: "list" | "map" }, depth: number): unknown {
    if (field.message !== undefined) return this.#inner(field.message, depth);
    return field.enum === undefined ? this.#scalar(field.scalar as ScalarType) : this.#enum(field.enum);
  }

  #inner(type: DescMessage, depth: number): ReflectMessage {
    return reflect(type, this.next(type, depth + 1));
  }

  #enum(type: DescEnum): number {
    return this.#pick(type.values).number;
  }

  #wellKnown(type: DescMessage, message: Message): Message | undefined {
    switch (type.typeName) {
      case "google.protobuf.Any":
        return message;
      case "google.protobuf.Duration":
        return Object.assign(message, {
          seconds: this.#pick([0n, 5n, 315_576_000_000n]),
          nanos: this.#pick([0, 500_000_000, 1]),
        });
      case "google.protobuf.Timestamp":
        return Object.assign(message, {
          seconds: this.#pick([0n, 1_700_000_000n, -62_135_596_800n, 253_402_300_799n]),
          nanos: this.#pick([0, 1, 999_999_999]),
        });
      case "google.protobuf.FieldMask":
        return Object.assign(message, { paths: ["a.b_c"] });
      case "google.protobuf.Struct":
        return fromJson(type, JSON.parse('{"a":1,"b":[null,"x",{"c":true}],"__proto__":2}'), { registry });
      case "google.protobuf.ListValue":
        return fromJson(type, [1, "a", null], { registry });
      case "google.protobuf.Value":
        return fromJson(type, this.#pick([null, 1.5, "s", { a: [1] }]), { registry });
      default:
        return undefined;
    }
  }

  #scalar(scalar: ScalarType): unknown {
    switch (scalar) {
      case Scalar.STRING:
        return this.#pick(["", "a", "héé😀", "__proto__", "x".repeat(200)]);
      case Scalar.BOOL:
        return this.#random() < 0.5;
      case Scalar.BYTES:
        return new Uint8Array([1, 2, 255].slice(0, Math.floor(this.#random() * 4)));
      case Scalar.DOUBLE:
        return this.#pick([0, 1.5, -1e300, Number.NaN, Number.POSITIVE_INFINITY]);
      case Scalar.FLOAT:
        return this.#pick([0, 1.5, -0.25, Number.NaN, Number.NEGATIVE_INFINITY]);
      case Scalar.INT64:
      case Scalar.SINT64:
      case Scalar.SFIXED64:
        return this.#pick([0n, 1n, -1n, -(2n ** 63n), 2n ** 63n - 1n, 9_007_199_254_740_993n]);
      case Scalar.UINT64:
      case Scalar.FIXED64:
        return this.#pick([0n, 1n, 2n ** 64n - 1n, 2n ** 53n + 1n]);
      case Scalar.UINT32:
      case Scalar.FIXED32:
        return this.#pick([0, 1, 300, 4_294_967_295]);
      default:
        return this.#pick([0, 1, -1, 2_147_483_647, -2_147_483_648]);
    }
  }

  #pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random() * items.length)] as T;
  }

  /** mulberry32. */
  #random(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }
}

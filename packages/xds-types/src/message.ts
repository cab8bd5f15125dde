import type { Issue, Severities } from "./errors.js";

/** JSON as `google.protobuf.Value` holds it. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

/** A JSON object: the plain form of `google.protobuf.Struct`. */
export interface JsonObject {
  readonly [key: string]: JsonValue | undefined;
}

/** A proto map: a record without a prototype, so that keys such as `__proto__` are ordinary. */
export interface StringMap<V> {
  readonly [key: string]: V;
}

/** At most one of the properties of `T`: the members of a proto oneof. */
export type OneOf<T> = {
  [K in keyof T]: { readonly [P in K]?: T[P] } & { readonly [P in Exclude<keyof T, K>]?: never };
}[keyof T];

/** `google.protobuf.Duration`: whole seconds and nanoseconds of the same sign. */
export interface Duration {
  /** Whole seconds, −315,576,000,000 to 315,576,000,000. Default: 0. */
  readonly seconds?: bigint;
  /** Nanoseconds, −999,999,999 to 999,999,999. Default: 0. */
  readonly nanos?: number;
}

/** `google.protobuf.Timestamp`: seconds since 1970 in UTC, and nanoseconds after them. */
export interface Timestamp {
  /** Seconds, from the year 1 to the year 9999. Default: 0. */
  readonly seconds?: bigint;
  /** Nanoseconds, 0 to 999,999,999. Default: 0. */
  readonly nanos?: number;
}

/** `google.protobuf.FieldMask`. */
export interface FieldMask {
  /** Field paths in proto spelling. */
  readonly paths?: readonly string[];
}

/** `google.protobuf.Any` whose type is known and whose message was read. */
export interface KnownAny {
  /** For example `type.googleapis.com/envoy.config.cluster.v3.Cluster`. */
  readonly typeUrl: string;
  /** Plain data of that type. */
  readonly message: unknown;
  readonly value?: never;
}

/** `google.protobuf.Any` as bytes: of an unknown type, or not asked for yet. */
export interface OpaqueAny {
  /** For example `type.googleapis.com/envoy.config.cluster.v3.Cluster`. */
  readonly typeUrl: string;
  /** The encoded message. */
  readonly value: Uint8Array;
  readonly message?: never;
}

/** `google.protobuf.Any`. */
export type Any = KnownAny | OpaqueAny;

/** What people write for an `Any`: the fields of the message beside its type. */
export interface AnyJson {
  /** For example `type.googleapis.com/envoy.config.cluster.v3.Cluster`. */
  readonly "@type"?: string;
  readonly [field: string]: unknown;
}

/** How {@link MessageType.fromJson} reads. */
export interface JsonReadOptions {
  /** Prefix of the path in every issue, for example a file name or `resources[3]`. Default: empty. */
  readonly path?: string;
  /** What to do with a field the type does not have. Default: `"error"`, as Envoy does. */
  readonly unknownFields?: "error" | "ignore";
  /** How many fields, list items and map entries are read; YAML aliases make many of few. Default: 10,000,000. */
  readonly maxValues?: number;
}

/** How {@link MessageType.decode} reads. */
export interface DecodeOptions {
  /**
   * How many fields, list items and map entries the message may have in all. It bounds the memory that a small hostile
   * input can take: about 100 bytes for each value, and the length of the input. Default: 10,000,000.
   */
  readonly maxValues?: number;
}

/** How {@link MessageType.check} judges. */
export interface CheckOptions {
  /** What single rules count as. Default: errors, and warnings for what is deprecated or work in progress. */
  readonly severity?: Severities;
}

/** How {@link MessageType.toJson} writes. */
export interface JsonWriteOptions {
  /** Spelling of field names. Default: `"camelCase"`, as canonical ProtoJSON has it; Envoy's own files use `"snake_case"`. */
  readonly fieldNames?: "camelCase" | "snake_case";
  /** Whether values of fields that the schema marks as sensitive are written, or withheld for a log. Default: `"keep"`. */
  readonly sensitive?: "keep" | "withhold";
}

/** The value that goes with a message type: its codecs and its rules. Nothing is loaded before it is first used. */
export interface MessageType<T, J = unknown> {
  /** For example `envoy.config.cluster.v3.Cluster`. */
  readonly typeName: string;
  /** For example `type.googleapis.com/envoy.config.cluster.v3.Cluster`. */
  readonly typeUrl: string;
  /**
   * Reads canonical ProtoJSON, leniently where Envoy is: both spellings of a name, enum names or numbers.
   *
   * @throws {@link XdsTypesError} with every problem found, each with its path in the spelling of the input.
   */
  fromJson(json: J, options?: JsonReadOptions): T;
  /**
   * Writes canonical ProtoJSON with fields in the order of their numbers. Sensitive fields are kept.
   *
   * @throws {@link XdsTypesError} with the path: `ERR_XDS_TYPES_LIMIT` for messages that lie more than 100 deep, those in
   * an `Any` counted, `ERR_XDS_TYPES_WIRE` for an `Any` whose bytes are not what its type says, `ERR_XDS_TYPES_VALUE`
   * for a timestamp outside the years 1 to 9999.
   */
  toJson(message: T, options?: JsonWriteOptions): JsonValue;
  /**
   * Reads the wire format. Fields the type does not have are kept and written again by {@link MessageType.encode}.
   *
   * @throws {@link XdsTypesError} `ERR_XDS_TYPES_WIRE` if the bytes are not such a message, `ERR_XDS_TYPES_LIMIT` if it
   * has more values than the options allow.
   */
  decode(bytes: Uint8Array, options?: DecodeOptions): T;
  /**
   * Writes the wire format: fields by number, map entries by key, so equal messages give equal bytes.
   *
   * @throws {@link XdsTypesError} `ERR_XDS_TYPES_VALUE` if a value does not fit its field.
   */
  encode(message: T): Uint8Array;
  /** Everything the structure rules of the schema (PGV) say about the message; nothing if it is in order. */
  check(message: T, options?: CheckOptions): readonly Issue[];
}

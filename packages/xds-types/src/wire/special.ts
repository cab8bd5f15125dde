/** Messages whose plain form is their one field's value. */
export const wrappers: ReadonlySet<string> = new Set(
  ["Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes"].map(
    (name) => `google.protobuf.${name}Value`,
  ),
);

/** Messages whose plain form is JSON itself. */
export const jsonTypes: ReadonlySet<string> = new Set(
  ["Struct", "Value", "ListValue"].map((name) => `google.protobuf.${name}`),
);

/** The type name of `Any`. */
export const anyType = "google.protobuf.Any";

/** How deep messages may lie in each other, in every codec; protobuf's own libraries use the same figure. */
export const maxDepth = 100;

/** How many fields, list items and map entries a message may have in all. About a gigabyte when all are tiny. */
export const defaultMaxValues = 10_000_000;

/** Random changes of a valid configuration: any place of it replaced by a value that has no business there. */

/** A permission that contains itself, twice. */
export const cyclic: Record<string, unknown> = {};
cyclic["andRules"] = { rules: [cyclic, cyclic] };

/** A list with a hole. */
export const sparse: string[] = ["a"];
sparse[2] = "b";

/** Values of every kind that JavaScript has. */
export const wrong: readonly unknown[] = [
  null,
  undefined,
  0,
  -1,
  1.5,
  Number.NaN,
  2 ** 40,
  "",
  "x",
  "\uD800",
  "%",
  "(",
  true,
  7n,
  -(2n ** 70n),
  [],
  [null],
  {},
  [[]],
  { __proto__: null },
  { x: 1 },
  JSON.parse('{"__proto__":1}'),
  () => 1,
  Symbol("s"),
  new Date(0),
  new Map(),
  new Uint8Array(2),
  cyclic,
  sparse,
  Object.defineProperty({}, "name", {
    enumerable: true,
    get: () => {
      throw new Error("no");
    },
  }),
];

/** Every place of a configuration: the way there. What metadata holds, and what no compiler looks at, may be anything. */
export function places(value: unknown, way: readonly string[] = []): string[][] {
  if (typeof value !== "object" || value === null || ["filterMetadata", "jsonFormat"].includes(way.at(-1) ?? ""))
    return way.length === 0 ? [] : [[...way]];
  const inner = Object.keys(value).flatMap((key) => places((value as Record<string, unknown>)[key], [...way, key]));
  return way.length === 0 ? inner : [[...way], ...inner];
}

/** A copy with one place replaced. */
export function replaced(value: unknown, way: readonly string[], by: unknown): unknown {
  const [key, ...rest] = way;
  if (key === undefined) return by;
  if (Array.isArray(value)) return value.map((one, i) => (String(i) === key ? replaced(one, rest, by) : one));
  return { ...(value as object), [key]: replaced((value as Record<string, unknown>)[key], rest, by) };
}

/** What stands at a place. */
export const valueAt = (value: unknown, way: readonly string[]): unknown =>
  way.reduce<unknown>((inner, key) => (inner as Record<string, unknown>)[key], value);

/** The kind of a value, as far as a type can be wrong. */
export const kindOf = (value: unknown): string =>
  value === null ? "null" : Array.isArray(value) ? "array" : typeof value;

/** Whether a replacement cannot be of the type that the place has. Enums may be given by number; `undefined` is an absent field. */
export function isOfAnotherType(before: unknown, value: unknown): boolean {
  const enumNumber = typeof before === "string" && typeof value === "number";
  return kindOf(before) !== kindOf(value) && value !== undefined && !enumNumber;
}

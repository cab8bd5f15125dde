/** The fields of a plain JSON object, without what JavaScript objects inherit; `undefined` for anything else. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return Object.getPrototypeOf(value) === null ? (value as Record<string, unknown>) : { __proto__: null, ...value };
}

/** Follows keys through nested JSON objects; `undefined` if a step is missing. */
export function jsonPath(value: unknown, keys: readonly string[]): unknown {
  let at = value;
  for (const key of keys) {
    if (typeof at !== "object" || at === null || Array.isArray(at) || !Object.hasOwn(at, key)) return undefined;
    at = (at as Readonly<Record<string, unknown>>)[key];
  }
  return at;
}

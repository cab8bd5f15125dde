/** What a client says of itself for one subscription: `{ env: "prod", version: "v2" }`. */
export type DynamicParameters = Readonly<Record<string, string>>;

/**
 * For which clients a variant of a resource is (xRFC TP2): a tree over the client's dynamic parameters. Of the variants of
 * one name exactly one must match a client.
 *
 * @see https://github.com/cncf/xds/blob/main/proposals/TP2-dynamically-generated-cacheable-xds-resources.md
 */
export type ParameterConstraint =
  | { readonly key: string; readonly value: string }
  | { readonly key: string; readonly exists: true }
  | { readonly and: readonly ParameterConstraint[] }
  | { readonly or: readonly ParameterConstraint[] }
  | { readonly not: ParameterConstraint };

/** Whether a variant is for a client with these parameters. */
export function matchesParameters(constraint: ParameterConstraint, parameters: DynamicParameters): boolean {
  if ("and" in constraint) return constraint.and.every((each) => matchesParameters(each, parameters));
  if ("or" in constraint) return constraint.or.some((each) => matchesParameters(each, parameters));
  if ("not" in constraint) return !matchesParameters(constraint.not, parameters);
  if (!Object.hasOwn(parameters, constraint.key)) return false;
  return "exists" in constraint || parameters[constraint.key] === constraint.value;
}

// No name on the wire is meant to hold it; who asks for one that does asks for exactly that variant.
const SEPARATOR = "\u0000";

/** The constraints are part of a resource's identity: the name under which a variant is kept. */
export function variantName(name: string, constraint: ParameterConstraint | undefined): string {
  return constraint === undefined ? name : `${name}${SEPARATOR}${JSON.stringify(constraint)}`;
}

/** The name that clients use of a variant; of other resources their own. */
export function nameOfVariant(name: string): string {
  const at = name.indexOf(SEPARATOR);
  return at < 0 ? name : name.slice(0, at);
}

/** The constraints of a variant, out of the name under which it is kept. */
export function constraintsIn(name: string): ParameterConstraint | undefined {
  const at = name.indexOf(SEPARATOR);
  if (at < 0) return undefined;
  try {
    return JSON.parse(name.slice(at + 1)) as ParameterConstraint;
  } catch {
    // A client asked for such a name; it is a name like any other then.
    return undefined;
  }
}

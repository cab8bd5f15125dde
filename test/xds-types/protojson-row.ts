/**
 * The rules of ProtoJSON (https://protobuf.dev/programming-guides/json/) that specs: xds 5.2 lists, each as inputs with the
 * canonical form that the rule gives them.
 */

/** The verdict on what is not the JSON of its type. */
export const refused = "refused";

/** One input. */
export interface Row {
  readonly rule: string;
  readonly name: string;
  readonly type: string;
  readonly json: unknown;
  /** What the rule says that this is written as, or {@link refused}. */
  readonly canonical: unknown;
  /** Why protobuf-es says something else. */
  readonly differs?: string;
}

type Case = readonly [name: string, json: unknown, canonical: unknown, differs?: string];

/** Inputs of a type. */
export function cases(rule: string, type: string, ...all: readonly Case[]): readonly Row[] {
  return all.map(([name, json, canonical, differs]) => ({
    rule,
    name,
    type,
    json,
    canonical,
    ...(differs === undefined ? {} : { differs }),
  }));
}

/** The same for inputs of one field: name, value and what the value is written as. */
export function values(rule: string, type: string, field: string, ...all: readonly Case[]): readonly Row[] {
  return cases(
    rule,
    type,
    ...all.map(([name, json, canonical, differs]): Case => {
      const written = canonical === refused ? refused : canonical === undefined ? {} : { [field]: canonical };
      return differs === undefined ? [name, { [field]: json }, written] : [name, { [field]: json }, written, differs];
    }),
  );
}

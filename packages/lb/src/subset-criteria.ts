import type { JsonValue, Metadata } from "./host.js";

/** Text of a JSON value that is the same for equal values, whatever the order of their keys. */
export function canonicalJson(value: JsonValue | undefined): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join()}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value ?? null);
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  fields.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`).join()}}`;
}

/** Sorted keys as one text. */
export function keysText(keys: readonly string[]): string {
  return JSON.stringify([...new Set(keys)].toSorted());
}

/** Sorted keys with values as one text: the name of a subset. */
export function subsetText(pairs: readonly (readonly [string, JsonValue | undefined])[]): string {
  const sorted = pairs.toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([key, value]) => `${JSON.stringify(key)}:${canonicalJson(value)}`).join()}}`;
}

const FALLBACK_LIST = "fallback_list";

/** A request's metadata match in the forms in which subsets are looked up. Made once for each metadata object. */
export class SubsetCriteria {
  readonly metadata: Metadata;
  /** Identifies the keys. */
  readonly keys: string;
  /** Identifies keys and values. */
  readonly text: string;
  private readonly reduced = new Map<string, SubsetCriteria>();
  private listed: readonly SubsetCriteria[] | undefined;

  constructor(metadata: Metadata) {
    this.metadata = metadata;
    const pairs = Object.entries(metadata).filter(([, value]) => value !== undefined);
    this.keys = keysText(pairs.map(([key]) => key));
    this.text = subsetText(pairs);
  }

  /** Whether every one of the keys is there. */
  has(keys: readonly string[]): boolean {
    return keys.every((key) => Object.hasOwn(this.metadata, key));
  }

  /** The criteria with only these keys. */
  only(keys: readonly string[]): SubsetCriteria {
    const name = keysText(keys);
    let criteria = this.reduced.get(name);
    if (criteria === undefined) {
      const kept = keys.filter((key) => Object.hasOwn(this.metadata, key));
      criteria = new SubsetCriteria(Object.fromEntries(kept.map((key) => [key, this.metadata[key]])));
      this.reduced.set(name, criteria);
    }
    return criteria;
  }

  /** The alternatives of the fallback list, each merged over the rest; the rest itself if the list is empty. */
  alternatives(): readonly SubsetCriteria[] | undefined {
    if (!Object.hasOwn(this.metadata, FALLBACK_LIST)) return undefined;
    if (this.listed === undefined) {
      const { [FALLBACK_LIST]: list, ...rest } = this.metadata;
      const alternatives = Array.isArray(list) ? list : [];
      this.listed =
        alternatives.length === 0
          ? [new SubsetCriteria(rest)]
          : alternatives.map((each) => new SubsetCriteria({ ...rest, ...(isStruct(each) ? each : {}) }));
    }
    return this.listed;
  }
}

function isStruct(value: JsonValue): value is { readonly [key: string]: JsonValue | undefined } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

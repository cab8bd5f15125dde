import type { Issue, XdsTypesErrorCode } from "../errors.js";
import type { JsonReadOptions } from "../message.js";
import { defaultMaxValues } from "../wire/special.js";

/** A place in the input: a chain of keys and indices, made only as far as the reader has come. */
export interface Place {
  readonly parent: Place | undefined;
  /** A field name or list index; a map key stands in brackets and quotes. */
  readonly key: string | number;
  readonly map?: boolean;
}

/** What one read gathers. */
export class JsonContext {
  readonly issues: Issue[] = [];
  readonly ignoreUnknown: boolean;
  readonly #prefix: string;
  readonly #maxValues: number;
  #left: number;

  constructor({ path = "", unknownFields = "error", maxValues = defaultMaxValues }: JsonReadOptions) {
    this.#prefix = path;
    this.ignoreUnknown = unknownFields === "ignore";
    this.#maxValues = maxValues;
    this.#left = maxValues;
  }

  /** Whether one more value may be read; the first that may not is a problem, those after it are passed over. */
  count(place: Place | undefined): boolean {
    if (--this.#left >= 0) return true;
    if (this.#left === -1) {
      this.fail("ERR_XDS_TYPES_LIMIT", place, `more than ${this.#maxValues} values, the limit, lie before this one`);
    }
    return false;
  }

  /** Notes a problem and goes on. */
  fail(code: XdsTypesErrorCode, place: Place | undefined, message: string): undefined {
    this.issues.push({ code, path: this.#path(place), message });
    return undefined;
  }

  #path(place: Place | undefined): string {
    const path = formatPlace(place);
    if (this.#prefix === "" || path === "") return this.#prefix + path;
    return path.startsWith("[") ? this.#prefix + path : `${this.#prefix}.${path}`;
  }
}

/** `virtual_hosts[0].typed_per_filter_config["envoy.cors"].x`. */
export function formatPlace(place: Place | undefined): string {
  if (place === undefined) return "";
  const parent = formatPlace(place.parent);
  if (typeof place.key === "number") return `${parent}[${place.key}]`;
  if (place.map === true) return `${parent}[${JSON.stringify(place.key)}]`;
  return parent === "" ? place.key : `${parent}.${place.key}`;
}

/** A short form of a value for messages; never a whole document. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : String(value);
}

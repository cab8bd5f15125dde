import { Reader } from "../wire/reader.js";
import type { WireResource } from "../wire/response.js";

/**
 * Reads a resource's name without decoding the resource: in every discovery type it is the string in field 1 (`name`, or
 * `cluster_name` of a ClusterLoadAssignment). Empty if there is none.
 */
export function resourceName(value: Uint8Array | undefined): string {
  if (value === undefined) return "";
  try {
    const reader = new Reader(value);
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field === 1) return reader.string();
      reader.skip();
    }
  } catch {
    // Garbage has no name; the check that follows says what is wrong with it.
  }
  return "";
}

/** The name of a resource in a response: the wrapper's if it has one, else that inside the resource. */
export function nameOf({ name, value }: Pick<WireResource, "name" | "value">): string {
  return name === "" ? resourceName(value) : name;
}

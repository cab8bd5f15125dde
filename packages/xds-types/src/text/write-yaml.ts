import { yaml } from "#yaml";
import type { JsonValue } from "../message.js";

/** Writes JSON as one YAML document that {@link readDocuments} reads as the same JSON. */
export function writeYaml(json: JsonValue): string {
  return yaml().stringify(json, { version: "1.2", aliasDuplicateObjects: false });
}

import { createRequire } from "node:module";
import type { Yaml } from "../text/yaml.js";

let loaded: Yaml | undefined;

/**
 * The YAML library, loaded by the first text that is read or written: its 70 files would be half of what importing the
 * package costs, and most programs never see a text.
 */
export function yaml(): Yaml {
  loaded ??= createRequire(import.meta.url)("yaml") as Yaml;
  return loaded;
}

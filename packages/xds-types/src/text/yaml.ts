import * as library from "yaml";

/** The YAML library. */
export type Yaml = Pick<
  typeof library,
  "isAlias" | "isMap" | "isPair" | "isScalar" | "isSeq" | "LineCounter" | "parseAllDocuments" | "stringify"
>;

/** The YAML library, as bundlers and browsers have it. In node, `#yaml` stands for `shell/yaml.ts` instead. */
export function yaml(): Yaml {
  return library;
}

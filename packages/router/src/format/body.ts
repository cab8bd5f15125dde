import type { SubstitutionFormatString } from "@weftmesh/xds-types/envoy/config/core/v3";
import { byteText, utf8 } from "../ascii.js";
import { readSource } from "../data-source.js";
import type { Scope } from "../scope.js";
import type { Surroundings } from "../surroundings.js";
import { compileFormat, type Format } from "./format.js";
import type { FormatInput } from "./values.js";

/** A compiled SubstitutionFormatString. */
export interface BodyFormat {
  /** The text for one input, as latin1. */
  readonly format: Format;
  /** The content type it sets: its own, else JSON's for JSON; absent leaves the default. */
  readonly contentType: string | undefined;
}

/** Compiles a SubstitutionFormatString: text, or JSON with a format string in each leaf. */
export function compileBodyFormat(
  format: SubstitutionFormatString,
  scope: Scope,
  surroundings: Surroundings,
): BodyFormat {
  const missing = format.omitEmptyValues === true ? "" : "-";
  const own = format.contentType === undefined || format.contentType === "" ? undefined : byteText(format.contentType);
  if (format.jsonFormat !== undefined) {
    const write = compileJson(
      format.jsonFormat,
      format.omitEmptyValues === true,
      scope.field("json_format"),
      surroundings,
    );
    return {
      format: (input) => byteText(`${JSON.stringify(write(input) ?? {})}\n`),
      contentType: own ?? "application/json",
    };
  }
  const source = format.textFormatSource;
  const text =
    source === undefined
      ? (format.textFormat ?? "")
      : utf8(readSource(source, scope.field("text_format_source"), surroundings));
  const where = scope.field(source === undefined ? "text_format" : "text_format_source");
  return { format: compileFormat(text, missing, where, surroundings), contentType: own };
}

type Writer = (input: FormatInput) => unknown;

function compileJson(value: unknown, omitEmpty: boolean, scope: Scope, surroundings: Surroundings): Writer {
  if (typeof value === "string") {
    const format = compileFormat(value, omitEmpty ? "" : "-", scope, surroundings);
    return (input) => {
      const text = utf8(format(input));
      return omitEmpty && text === "" ? undefined : text;
    };
  }
  if (Array.isArray(value)) {
    const items = value.map((one, i) => compileJson(one, omitEmpty, scope.item("values", i), surroundings));
    return (input) => items.map((item) => item(input)).filter((item) => item !== undefined);
  }
  if (typeof value === "object" && value !== null) {
    const fields = Object.entries(value).map(
      ([key, one]) => [key, compileJson(one, omitEmpty, scope.field(key), surroundings)] as const,
    );
    return (input) => {
      const out: Record<string, unknown> = Object.create(null);
      for (const [key, field] of fields.toSorted(([a], [b]) => (a < b ? -1 : 1))) {
        const one = field(input);
        if (one !== undefined) out[key] = one;
      }
      return out;
    };
  }
  return () => value;
}

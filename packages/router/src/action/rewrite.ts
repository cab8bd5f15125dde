import type { RegexMatchAndSubstitute } from "@weftmesh/xds-types/envoy/type/matcher/v3";
import { asciiLower, byteText } from "../ascii.js";
import { messageOf, type NamedConfig, typeName } from "../extension.js";
import { pathEnd } from "../facts.js";
import { compileFormat, type Format } from "../format/format.js";
import type { FormatInput } from "../format/values.js";
import type { PathTest } from "../match/path.js";
import { compileTemplateRewrite, rewriteByTemplate } from "../match/template.js";
import { compileRegex } from "../regex/patterns.js";
import type { Scope } from "../scope.js";
import type { Surroundings } from "../surroundings.js";

/** What the path of a request becomes; `undefined` leaves it alone, and then nothing counts as rewritten. */
export type PathRewrite = (path: string, input: FormatInput) => string | undefined;

/** The fields of a route or redirect action that rewrite a path. */
export interface RewriteFields {
  readonly prefixRewrite?: string | undefined;
  readonly regexRewrite?: RegexMatchAndSubstitute | undefined;
  readonly pathRewritePolicy?: NamedConfig | undefined;
  readonly pathRewrite?: string | undefined;
}

/** Type of the built-in path rewriter. */
export const uriTemplateRewrite = "envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig";

/** Compiles whichever path rewrite an action has; more than one is refused. */
export function compilePathRewrite(
  fields: RewriteFields,
  match: PathTest,
  scope: Scope,
  surroundings: Surroundings,
): PathRewrite | undefined {
  const prefix = fields.prefixRewrite ?? "";
  const template = fields.pathRewritePolicy;
  const format = fields.pathRewrite ?? "";
  const count = [
    prefix !== "",
    fields.regexRewrite?.pattern !== undefined,
    template !== undefined,
    format !== "",
  ].filter(Boolean);
  if (count.length > 1) {
    scope.report(
      "ERR_ROUTER_FIELD_CONFLICT",
      "expected only one of prefix_rewrite, regex_rewrite, path_rewrite_policy and path_rewrite, got several",
    );
  }
  if (prefix !== "") {
    if (match.kind === "template" || match.kind === "extension") {
      scope.field("prefix_rewrite").report("ERR_ROUTER_FIELD_CONFLICT", "cannot be used with path_match_policy");
    }
    return prefixRewrite(byteText(prefix), match);
  }
  if (fields.regexRewrite?.pattern !== undefined)
    return regexRewrite(fields.regexRewrite, scope.field("regex_rewrite"), surroundings);
  if (template !== undefined) return templateRewrite(template, match, scope.field("path_rewrite_policy"));
  if (format === "") return undefined;
  const value = compileFormat(format, "", scope.field("path_rewrite"), surroundings);
  return (path, input) => {
    const text = value(input);
    return text === "" ? undefined : text + path.slice(pathEnd(path));
  };
}

/** Cuts what the route matched and puts the new prefix there. */
function prefixRewrite(prefix: string, match: PathTest): PathRewrite {
  const whole = match.kind === "regex" || match.kind === "connect";
  const { value, fold } = match;
  return (path) => {
    if (whole) return prefix + path.slice(pathEnd(path));
    // A path that matched without its `;` parameters need not begin with what it matched.
    const begins = fold ? asciiLower(path.slice(0, value.length)) === value : path.startsWith(value);
    return begins ? prefix + path.slice(value.length) : undefined;
  };
}

function regexRewrite(rewrite: RegexMatchAndSubstitute, scope: Scope, surroundings: Surroundings): PathRewrite {
  const regex = compileRegex(rewrite.pattern ?? {}, scope.field("pattern"), surroundings);
  const substitution = byteText(rewrite.substitution ?? "");
  return (path) => {
    const end = pathEnd(path);
    const text = regex.replace(path.slice(0, end), substitution);
    // An empty result would be no path at all: Envoy keeps the old one.
    return text === "" ? undefined : text + path.slice(end);
  };
}

function templateRewrite(config: NamedConfig, match: PathTest, scope: Scope): PathRewrite | undefined {
  const where = scope.field("typed_config");
  const message = messageOf<{ readonly pathTemplateRewrite?: string }>(config.typedConfig, uriTemplateRewrite, where);
  if (message === undefined) {
    if (typeName(config.typedConfig) !== uriTemplateRewrite) {
      where.report(
        "ERR_ROUTER_EXTENSION_UNKNOWN",
        `no implementation is registered for ${JSON.stringify(typeName(config.typedConfig))}`,
      );
    }
    return undefined;
  }
  const field = where.field("path_template_rewrite");
  if (match.kind !== "template") {
    field.report("ERR_ROUTER_FIELD_CONFLICT", "needs a path_match_policy with a URI template");
    return undefined;
  }
  const template = match.template;
  if (template === undefined) return undefined;
  const rewrite = compileTemplateRewrite(message.pathTemplateRewrite ?? "", template.variables, field);
  if (rewrite === undefined) return undefined;
  return (path) => {
    const end = pathEnd(path);
    const text = rewriteByTemplate(rewrite, template, path.slice(0, end));
    return text === undefined ? undefined : text + path.slice(end);
  };
}

/** What the authority of a request becomes; `undefined` leaves it alone. */
export type HostRewrite = (input: FormatInput) => string | undefined;

/** The fields of a route action that rewrite the authority. */
export interface HostRewriteFields {
  readonly hostRewriteLiteral?: string | undefined;
  readonly hostRewriteHeader?: string | undefined;
  readonly hostRewritePathRegex?: RegexMatchAndSubstitute | undefined;
  readonly hostRewrite?: string | undefined;
}

/** Compiles whichever host rewrite an action has; `auto_host_rewrite` is the proxy's, after it has chosen a host. */
export function compileHostRewrite(
  fields: HostRewriteFields,
  scope: Scope,
  surroundings: Surroundings,
): HostRewrite | undefined {
  if (fields.hostRewriteLiteral !== undefined && fields.hostRewriteLiteral !== "") {
    const literal = byteText(fields.hostRewriteLiteral);
    return () => literal;
  }
  if (fields.hostRewriteHeader !== undefined && fields.hostRewriteHeader !== "") {
    const name = byteText(fields.hostRewriteHeader).toLowerCase();
    return (input) => {
      const value = name === "host" || name === ":authority" ? input.request.authority : input.request.fields.get(name);
      return value === "" ? undefined : value;
    };
  }
  if (fields.hostRewritePathRegex?.pattern !== undefined) {
    const where = scope.field("host_rewrite_path_regex").field("pattern");
    const regex = compileRegex(fields.hostRewritePathRegex.pattern, where, surroundings);
    const substitution = byteText(fields.hostRewritePathRegex.substitution ?? "");
    return (input) => {
      const path = input.request.path;
      return path === undefined ? undefined : regex.replace(path.slice(0, pathEnd(path)), substitution);
    };
  }
  if (fields.hostRewrite === undefined || fields.hostRewrite === "") return undefined;
  // The documentation says that a missing value gives nothing here; the program prints "-".
  const format: Format = compileFormat(fields.hostRewrite, "-", scope.field("host_rewrite"), surroundings);
  return (input) => format(input);
}

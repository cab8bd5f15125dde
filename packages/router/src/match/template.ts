import { byteText } from "../ascii.js";
import type { Regex } from "../regex/patterns.js";
import type { Scope } from "../scope.js";
import type { Surroundings } from "../surroundings.js";

/** A compiled URI template. */
export interface CompiledTemplate {
  /** Matches the whole path without query. */
  readonly regex: Regex;
  /** Names of the variables in order; their group numbers are one higher than their position. */
  readonly variables: readonly string[];
}

type Segment =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "glob"; readonly deep: boolean }
  /** `prefix` is literal text in front of it in the same segment. */
  | { readonly kind: "variable"; readonly prefix: string; readonly name: string; readonly parts: readonly Segment[] };

const literalText = /^[a-zA-Z0-9\-._~%!$&'()+,;:@=*]+$/;
const rewriteLiteral = /^[a-zA-Z0-9\-._~%!$&'()+,;:@=*/]+$/;
const variableName = /^[a-zA-Z][a-zA-Z0-9_]*$/;
// Characters a glob may take; kept as RE2 text, in the order the grammar names them.
const globClass = "a-zA-Z0-9-._~%!$&'()+,;:@=*";
const maxVariables = 5;
const maxNameLength = 16;

/** Thrown within this file only; the compile functions turn it into an issue. */
class TemplateProblem extends Error {}

/**
 * Compiles a UriTemplateMatchConfig's `path_template`; `undefined` if it breaks the grammar, which is reported.
 *
 * @see https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/extensions/path/match/uri_template/v3/uri_template_match.proto
 */
export function compileTemplate(
  template: string,
  scope: Scope,
  surroundings: Surroundings,
): CompiledTemplate | undefined {
  try {
    const { segments, suffix } = parse(template);
    const variables = check(segments);
    const pattern = `/${segments.map(toPattern).join("/")}${escapeLiteral(suffix)}`;
    return { regex: surroundings.regexes.trusted(pattern, scope), variables };
  } catch (error) {
    if (!(error instanceof TemplateProblem)) throw error;
    scope.report("ERR_ROUTER_TEMPLATE_INVALID", `path_template ${template} is invalid: ${error.message}`);
    return undefined;
  }
}

function parse(template: string): { segments: Segment[]; suffix: string } {
  if (!/^\/[\x21-\x7e]*$/.test(template)) throw new TemplateProblem("expected a leading / and printable characters");
  const segments: Segment[] = [];
  let rest = template.slice(1);
  while (rest !== "") {
    const [segment, after] = takeSegment(rest);
    segments.push(segment);
    rest = after;
    if (rest === "/") {
      segments.push({ kind: "literal", text: "" });
      return { segments, suffix: "" };
    }
    if (rest.startsWith("/")) {
      rest = rest.slice(1);
    } else if (rest !== "") {
      const [suffix, tail] = takeLiteral(rest);
      if (tail !== "") throw new TemplateProblem("Prefix match not supported.");
      return { segments, suffix };
    }
  }
  return { segments, suffix: "" };
}

function takeSegment(text: string): [Segment, string] {
  if (text.startsWith("*")) return takeGlob(text);
  const open = text.search(/[{/]/);
  if (open >= 0 && text[open] === "{") {
    const prefix = text.slice(0, open);
    if (prefix !== "") takeLiteral(prefix);
    return takeVariable(text.slice(open), prefix);
  }
  const [literal, rest] = takeLiteral(text);
  return [{ kind: "literal", text: literal }, rest];
}

function takeGlob(text: string): [Segment, string] {
  const deep = text.startsWith("**");
  return [{ kind: "glob", deep }, text.slice(deep ? 2 : 1)];
}

function takeLiteral(text: string): [string, string] {
  const slash = text.indexOf("/");
  const literal = slash < 0 ? text : text.slice(0, slash);
  if (!literalText.test(literal)) throw new TemplateProblem(`Invalid literal: ${JSON.stringify(literal)}`);
  return [literal, text.slice(literal.length)];
}

function takeVariable(text: string, prefix: string): [Segment, string] {
  const close = text.indexOf("}");
  if (close < 0) throw new TemplateProblem("Unmatched variable bracket");
  const inner = text.slice(1, close);
  const equal = inner.indexOf("=");
  const name = equal < 0 ? inner : inner.slice(0, equal);
  if (!variableName.test(name)) throw new TemplateProblem(`Invalid variable name: ${JSON.stringify(name)}`);
  const parts: Segment[] = [];
  let rest = equal < 0 ? "" : inner.slice(equal + 1);
  if (equal >= 0 && rest === "") throw new TemplateProblem("Empty variable match");
  while (rest !== "") {
    const [part, after] = rest.startsWith("*") ? takeGlob(rest) : takeSegmentLiteral(rest);
    parts.push(part);
    rest = after;
    if (rest === "") break;
    if (!rest.startsWith("/") || rest === "/")
      throw new TemplateProblem(`Invalid variable match: ${JSON.stringify(rest)}`);
    rest = rest.slice(1);
  }
  return [{ kind: "variable", prefix, name, parts }, text.slice(close + 1)];
}

function takeSegmentLiteral(text: string): [Segment, string] {
  const [literal, rest] = takeLiteral(text);
  return [{ kind: "literal", text: literal }, rest];
}

/** Variable rules, and that nothing open follows a `**`. */
function check(segments: readonly Segment[]): readonly string[] {
  const names: string[] = [];
  let afterDeep = false;
  const glob = (deep: boolean, problem: string): void => {
    if (afterDeep) throw new TemplateProblem(problem);
    afterDeep = deep;
  };
  for (const segment of segments) {
    if (segment.kind === "glob") glob(segment.deep, "Glob after text glob.");
    if (segment.kind !== "variable") continue;
    if (names.length >= maxVariables) throw new TemplateProblem(`Exceeded variable count limit (${maxVariables})`);
    if (segment.name.length > maxNameLength) {
      throw new TemplateProblem(`Variable name too long (max ${maxNameLength}): ${JSON.stringify(segment.name)}`);
    }
    if (names.includes(segment.name))
      throw new TemplateProblem(`Repeated variable name: ${JSON.stringify(segment.name)}`);
    names.push(segment.name);
    if (segment.parts.length === 0) glob(false, "Implicit variable path glob after text glob.");
    for (const part of segment.parts) if (part.kind === "glob") glob(part.deep, "Glob after text glob.");
  }
  return names;
}

function toPattern(segment: Segment): string {
  switch (segment.kind) {
    case "literal":
      return escapeLiteral(segment.text);
    case "glob":
      return segment.deep ? `[${globClass}/]*` : `[${globClass}]+`;
    case "variable": {
      const inner = segment.parts.length === 0 ? `[${globClass}]+` : segment.parts.map(toPattern).join("/");
      return `${escapeLiteral(segment.prefix)}(?P<${segment.name}>${inner})`;
    }
  }
}

// Envoy escapes these and no more, so a `*` inside a literal acts as a repetition of the character before it.
function escapeLiteral(literal: string): string {
  return literal.replaceAll(/[$()+.]/g, "\\$&");
}

/** A compiled rewrite template: text and group numbers. */
export type TemplateRewrite = readonly (string | number)[];

/** Compiles a UriTemplateRewriteConfig's `path_template_rewrite` against the variables of the route's match. */
export function compileTemplateRewrite(
  template: string,
  variables: readonly string[],
  scope: Scope,
): TemplateRewrite | undefined {
  const parts: (string | number)[] = [];
  const invalid = (why: string): undefined => {
    scope.report("ERR_ROUTER_TEMPLATE_INVALID", `path_template_rewrite ${template} is invalid: ${why}`);
  };
  if (!template.startsWith("/")) return invalid("expected a leading /");
  let rest = template;
  let missing: string | undefined;
  while (rest !== "") {
    if (rest.startsWith("{")) {
      const close = rest.indexOf("}");
      const name = close < 0 ? "" : rest.slice(1, close);
      if (!variableName.test(name)) return invalid("expected {name}");
      const group = variables.indexOf(name);
      if (group < 0) missing ??= name;
      parts.push(group + 1);
      rest = rest.slice(close + 1);
      continue;
    }
    const open = rest.indexOf("{");
    const literal = open < 0 ? rest : rest.slice(0, open);
    if (!rewriteLiteral.test(literal) || literal.includes("//"))
      return invalid(`invalid literal ${JSON.stringify(literal)}`);
    parts.push(byteText(literal));
    rest = rest.slice(literal.length);
  }
  if (missing !== undefined) {
    scope.report(
      "ERR_ROUTER_TEMPLATE_INVALID",
      `path_template_rewrite ${template} names {${missing}}, which the match does not have`,
    );
    return undefined;
  }
  return parts;
}

/** The rewritten path: literals and what the variables took. */
export function rewriteByTemplate(rewrite: TemplateRewrite, match: CompiledTemplate, path: string): string | undefined {
  const groups = match.regex.groups(path);
  if (groups === undefined) return undefined;
  return rewrite.map((part) => (typeof part === "string" ? part : (groups[part] ?? ""))).join("");
}

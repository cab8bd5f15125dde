/** What path clean-up does to a request, and the path as far as it was cleaned. */
export interface PathResult {
  /** Go on with the path, redirect to it, or refuse it. */
  readonly kind: "continue" | "redirect" | "reject";
  readonly path: string;
}

/** How escaped slashes are treated, as Envoy spells it. */
export type EscapedSlashes = "KEEP_UNCHANGED" | "REJECT_REQUEST" | "UNESCAPE_AND_REDIRECT" | "UNESCAPE_AND_FORWARD";

/** Path rules of a connection manager. */
export interface PathRules {
  readonly escapedSlashes: EscapedSlashes;
  readonly normalize: boolean;
  readonly mergeSlashes: boolean;
}

/**
 * Cleans a path in Envoy's order: fragment, escaped slashes, RFC 3986 normalisation, merging of slashes.
 *
 * @see https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto
 */
export function cleanPath(path: string, rules: PathRules): PathResult {
  if (path.includes("#")) return { kind: "reject", path };
  const mark = path.indexOf("?");
  const query = mark < 0 ? "" : path.slice(mark);
  let clean = mark < 0 ? path : path.slice(0, mark);
  let redirect = false;
  if (rules.escapedSlashes !== "KEEP_UNCHANGED") {
    const unescaped = clean.replaceAll(/%2f/gi, "/").replaceAll(/%5c/gi, "\\");
    if (unescaped !== clean) {
      if (rules.escapedSlashes === "REJECT_REQUEST") return { kind: "reject", path: unescaped + query };
      redirect = rules.escapedSlashes === "UNESCAPE_AND_REDIRECT";
      clean = unescaped;
    }
  }
  if (rules.normalize) {
    const canonical = canonicalPath(clean);
    if (canonical === undefined) return { kind: "reject", path: clean + query };
    clean = canonical;
  }
  // Of slashes alone two are left: one as the first, one as the last character.
  if (rules.mergeSlashes && !/^\/{2,}$/.test(clean)) clean = clean.replaceAll(/\/{2,}/g, "/");
  else if (rules.mergeSlashes) clean = "//";
  return { kind: redirect ? "redirect" : "continue", path: clean + query };
}

const unreserved = /[A-Za-z0-9\-._~]/;
// What a path may not hold as it is.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
const mustEscape = /[\x00-\x20"<>^`{|}\x7f-\xff]/;

/**
 * Normalises as browsers do: backslashes are slashes, dot segments go, unreserved characters are unescaped, others that may not
 * stand in a path are escaped. `undefined` if the path holds a NUL.
 */
export function canonicalPath(path: string): string | undefined {
  if (path.includes("\0") || path.includes("%00")) return undefined;
  let text = "";
  for (let i = 0; i < path.length; i++) {
    const char = path[i] as string;
    const escaped = char === "%" ? /^[0-9a-f]{2}/i.exec(path.slice(i + 1, i + 3)) : null;
    if (escaped !== null) {
      const decoded = String.fromCharCode(Number.parseInt(escaped[0], 16));
      text += unreserved.test(decoded) ? decoded : `%${escaped[0]}`;
      i += 2;
    } else if (char === "\\") text += "/";
    else text += mustEscape.test(char) ? `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}` : char;
  }
  return withoutDotSegments(text);
}

function withoutDotSegments(path: string): string {
  const segments = path.split("/").slice(1);
  const out: string[] = [];
  segments.forEach((segment, i) => {
    const last = i === segments.length - 1;
    if (segment === "..") out.pop();
    else if (segment !== ".") out.push(segment);
    if (last && (segment === "." || segment === "..")) out.push("");
  });
  return `/${out.join("/")}`;
}

import { XdsError } from "./errors.js";

/** An `xdstp:` name or locator taken apart; all parts are decoded. */
export interface XdstpName {
  /** Who is asked; may be empty. */
  readonly authority: string;
  /** The type without a prefix: `envoy.config.listener.v3.Listener`. */
  readonly resourceType: string;
  /** The path after the type: `shop/eu/front`. Ends in `*` for a glob. */
  readonly id: string;
  /** Context parameters. Equal as a map, whatever their order in text. */
  readonly context: Readonly<Record<string, string>>;
  /** The directives of a locator, in order. A name has none. */
  readonly directives: readonly XdstpDirective[];
}

/** What follows `#` in a locator. */
export type XdstpDirective =
  | { readonly alt: string; readonly entry?: never }
  | { readonly entry: string; readonly alt?: never };

const SCHEME = "xdstp:";

/** Whether a resource name is of the structured form. */
export function isXdstp(name: string): boolean {
  return name.startsWith(SCHEME);
}

/**
 * Takes an `xdstp:` name or locator apart.
 *
 * @throws {@link XdsError} `ERR_XDS_NAME_INVALID` with the name as path.
 * @see https://github.com/cncf/xds/blob/main/proposals/TP1-xds-transport-next.md
 */
export function parseXdstp(text: string): XdstpName {
  const match = /^xdstp:\/\/([^/?#]*)\/([^/?#]+)\/([^?#]+)(?:\?([^#]*))?(?:#(.*))?$/s.exec(text);
  if (match === null) throw invalid(text, "xdstp://AUTHORITY/TYPE/ID expected");
  const [, authority = "", resourceType = "", id = "", query, fragment] = match;
  const context: Record<string, string> = Object.create(null);
  for (const pair of query === undefined || query === "" ? [] : query.split("&")) {
    const at = pair.indexOf("=");
    if (at < 1) throw invalid(text, `${JSON.stringify(pair)} is no context parameter`);
    context[decoded(pair.slice(0, at), text)] = decoded(pair.slice(at + 1), text);
  }
  const directives = fragment === undefined ? [] : fragment.split(",").map((part) => directive(part, text));
  for (const kind of ["alt", "entry"] as const) {
    if (directives.filter((each) => kind in each).length > 1) throw invalid(text, `more than one ${kind} directive`);
  }
  return { authority: decoded(authority, text), resourceType, id: decoded(id, text), context, directives };
}

/** The one spelling of a name: context parameters sorted, everything encoded alike. */
export function formatXdstp({ authority, resourceType, id, context, directives }: XdstpName): string {
  const query = Object.keys(context)
    .sort()
    .map((key) => `${encoded(key, QUERY)}=${encoded(context[key] ?? "", QUERY)}`)
    .join("&");
  const fragment = directives
    .map((each) =>
      each.alt === undefined ? `entry=${encoded(each.entry, FRAGMENT)}` : `alt=${encoded(each.alt, FRAGMENT)}`,
    )
    .join(",");
  const path = `//${encoded(authority, AUTHORITY)}/${resourceType}/${encoded(id, PATH)}`;
  return `${SCHEME}${path}${query === "" ? "" : `?${query}`}${fragment === "" ? "" : `#${fragment}`}`;
}

/** A name in its one spelling, so that equal names are equal strings. Other names, and broken ones, stay as they are. */
export function canonicalName(name: string): string {
  if (!isXdstp(name)) return name;
  try {
    return formatXdstp(parseXdstp(name));
  } catch {
    // Nobody publishes such a name: whoever asks for it hears that it does not exist.
    return name;
  }
}

/** Whether a canonical name is a glob: all that lies directly under its path, with the same context parameters. */
export function isGlob(name: string): boolean {
  return isXdstp(name) && /\/\*(?:\?|$)/.test(name);
}

/** The glob a canonical name falls under; `undefined` for other names, and for a glob itself. */
export function globOf(name: string): string | undefined {
  if (!isXdstp(name) || isGlob(name)) return undefined;
  const query = name.indexOf("?");
  const path = query < 0 ? name : name.slice(0, query);
  return `${path.slice(0, path.lastIndexOf("/"))}/*${query < 0 ? "" : name.slice(query)}`;
}

// The characters that have a meaning in each part.
const AUTHORITY = /[%/?#]/g;
const PATH = /[%:?#[\]]/g;
const QUERY = /[%#[\]&=]/g;
const FRAGMENT = /[%#[\],]/g;

function encoded(text: string, special: RegExp): string {
  return text.replace(special, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function decoded(text: string, whole: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid(whole, "a % that encodes nothing");
  }
}

function directive(part: string, whole: string): XdstpDirective {
  const value = decoded(part.slice(part.indexOf("=") + 1), whole);
  if (part.startsWith("alt=")) return { alt: value };
  if (part.startsWith("entry=")) return { entry: value };
  throw invalid(whole, `no directive ${JSON.stringify(part)}`);
}

function invalid(name: string, problem: string): XdsError {
  return new XdsError("ERR_XDS_NAME_INVALID", name.slice(0, 256), problem);
}

import { asciiLower } from "./ascii.js";
import type { RouteContext } from "./decision.js";
import { fieldOf } from "./header/list.js";
import { streamRandom } from "./random.js";
import type { RouteRequest } from "./request.js";

/** Above this many strings a header list gets an index on its first look-up: hostile requests carry thousands of fields. */
const indexAbove = 128;

/**
 * One request, with what several tests ask for worked out at most once. Predicates read it; it is the only thing besides the result
 * that a decision allocates.
 */
export class RequestFacts {
  /** The request itself. */
  readonly request: RouteRequest;
  /** Chance and time of the decision. */
  readonly context: RouteContext;
  /** `:path` up to the first `?` or `#`. */
  readonly path: string;
  /** {@link RequestFacts.path} as path tests see it: without `;` parameters if the table drops them. */
  readonly matchPath: string;
  #lowerPath: string | undefined;
  #query: ReadonlyMap<string, string> | undefined;
  #cookies: ReadonlyMap<string, string> | undefined;
  #random = -1;
  #index: Map<string, string[]> | undefined;

  constructor(request: RouteRequest, context: RouteContext, dropParameters: boolean) {
    this.request = request;
    this.context = context;
    const raw = request.path ?? "";
    const end = pathEnd(raw);
    this.path = end === raw.length ? raw : raw.slice(0, end);
    this.matchPath = dropParameters && this.path.includes(";") ? withoutParameters(this.path) : this.path;
  }

  /** {@link RequestFacts.matchPath} in lower case. */
  get lowerPath(): string {
    this.#lowerPath ??= asciiLower(this.matchPath);
    return this.#lowerPath;
  }

  /** The integer that decides chance for the whole request. */
  get random(): number {
    if (this.#random < 0) this.#random = streamRandom(this.context.random);
    return this.#random;
  }

  /** A field's first value; `undefined` if absent. Pseudo headers and `host` work too. `name` is in lower case. */
  header(name: string): string | undefined {
    const code = name.charCodeAt(0);
    if (code === 58 || name === "host") return this.#pseudo(name);
    const headers = this.request.headers;
    if (headers.length > indexAbove) return this.#indexed().get(name)?.[0];
    for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) return headers[i + 1];
    return undefined;
  }

  /** All values of a field in order. */
  headerValues(name: string): readonly string[] {
    const code = name.charCodeAt(0);
    if (code === 58 || name === "host") {
      const value = this.#pseudo(name);
      return value === undefined ? [] : [value];
    }
    const headers = this.request.headers;
    if (headers.length > indexAbove) return this.#indexed().get(name) ?? [];
    const out: string[] = [];
    for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) out.push(headers[i + 1] as string);
    return out;
  }

  /** Whether one of a field's values passes `test`; `undefined` if the field is absent. */
  someHeader(name: string, test: (value: string) => boolean): boolean | undefined {
    const code = name.charCodeAt(0);
    if (code === 58 || name === "host") {
      const value = this.#pseudo(name);
      return value === undefined ? undefined : test(value);
    }
    const headers = this.request.headers;
    if (headers.length > indexAbove) return this.#indexed().get(name)?.some(test);
    let present: boolean | undefined;
    for (let i = 0; i < headers.length; i += 2) {
      if (headers[i] !== name) continue;
      if (test(headers[i + 1] as string)) return true;
      present = false;
    }
    return present;
  }

  /** First values of the query's parameters, undecoded. */
  get query(): ReadonlyMap<string, string> {
    this.#query ??= parseQuery(this.request.path ?? "");
    return this.#query;
  }

  /** First values of the cookies. */
  get cookies(): ReadonlyMap<string, string> {
    this.#cookies ??= parseCookies(this.headerValues("cookie"));
    return this.#cookies;
  }

  #pseudo(name: string): string | undefined {
    switch (name) {
      case ":path":
        return this.request.path;
      case ":authority":
      case "host":
        return this.request.authority;
      case ":method":
        return this.request.method;
      case ":scheme":
        return this.request.scheme;
      default:
        return fieldOf(this.request.headers, name);
    }
  }

  #indexed(): ReadonlyMap<string, string[]> {
    if (this.#index !== undefined) return this.#index;
    const index = new Map<string, string[]>();
    const headers = this.request.headers;
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i] as string;
      const values = index.get(name);
      if (values === undefined) index.set(name, [headers[i + 1] as string]);
      else values.push(headers[i + 1] as string);
    }
    this.#index = index;
    return index;
  }
}

/** Where the query or fragment starts; the length if there is none. */
export function pathEnd(path: string): number {
  const query = path.indexOf("?");
  const fragment = path.indexOf("#");
  if (query < 0) return fragment < 0 ? path.length : fragment;
  return fragment < 0 ? query : Math.min(query, fragment);
}

/** Envoy 1.40 cuts `;…` off every segment. */
function withoutParameters(path: string): string {
  return path.replaceAll(/;[^/]*/g, "");
}

/**
 * Splits a query as Envoy's route matching does: on `&`, at the first `=`, nothing decoded, the first of a repeated name counts.
 * A fragment is not cut off.
 */
export function parseQuery(path: string): ReadonlyMap<string, string> {
  const query = new Map<string, string>();
  let start = path.indexOf("?") + 1;
  if (start === 0) return query;
  // Not `split`: its list takes longer than all the rest of a short query.
  for (;;) {
    const next = path.indexOf("&", start);
    const end = next < 0 ? path.length : next;
    const piece = path.slice(start, end);
    const equal = piece.indexOf("=");
    const name = equal < 0 ? piece : piece.slice(0, equal);
    if (!query.has(name)) query.set(name, equal < 0 ? "" : piece.slice(equal + 1));
    if (next < 0) return query;
    start = next + 1;
  }
}

/** Splits Cookie fields: on `;`, leading blanks dropped, pieces without `=` skipped, one pair of double quotes removed, first wins. */
export function parseCookies(fields: readonly string[]): ReadonlyMap<string, string> {
  const cookies = new Map<string, string>();
  for (const field of fields) {
    for (const piece of field.split(";")) {
      const equal = piece.indexOf("=");
      if (equal < 0) continue;
      const name = piece.slice(0, equal).replace(/^[ \t]+/, "");
      let value = piece.slice(equal + 1);
      if (value.length >= 2 && value.startsWith('"') && value.endsWith('"')) value = value.slice(1, -1);
      if (!cookies.has(name)) cookies.set(name, value);
    }
  }
  return cookies;
}

/** Tables of one shape in any size, each with the request for a route and the plainest test that the route passes it. */
import { createRequest, type RouteRequest } from "@weftmesh/router";
import type { RouteMatch } from "@weftmesh/xds-types/envoy/config/route/v3";

/** A shape of route tables. */
export interface Shape {
  readonly name: string;
  readonly sizes: readonly number[];
  /** The match of route `i`. */
  match(i: number): RouteMatch;
  /** A request that only route `i` takes. */
  request(i: number): RouteRequest;
  /** The least that tells whether a request is for route `i`. */
  test(i: number): (request: RouteRequest) => boolean;
}

/** Fields that every request has. */
export const fields = { "user-agent": "bench", accept: "*/*", "x-request-id": "7" };

/** A request as browsers and clients send them: with a few fields. */
export function requestTo(path: string, headers: Readonly<Record<string, string>> = {}): RouteRequest {
  return createRequest({ authority: "shop.test", path, headers: { ...fields, ...headers } });
}

/** The path of route `i`. */
export const pathOf = (i: number): string => `/api/v1/service-${i}/items`;
const below = (i: number): string => `/api/v1/service-${i}/7`;
const all = [10, 1000, 10_000, 100_000];
/** Patterns are compiled when they are first needed, which is another cost than the index. */
const withPatterns = [10, 1000, 10_000];
const TEMPLATE = "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig";

const template = (i: number): RouteMatch => ({
  pathMatchPolicy: {
    name: "template",
    typedConfig: { typeUrl: TEMPLATE, message: { pathTemplate: `/api/v1/service-${i}/{id}` } },
  },
});

const pathIs = (test: (path: string) => boolean) => (request: RouteRequest) => test(request.path ?? "");
const header = (request: RouteRequest, name: string): string | undefined =>
  request.headers[request.headers.indexOf(name) + 1];

export const prefix: Shape = {
  name: "prefix",
  sizes: all,
  match: (i) => ({ prefix: pathOf(i) }),
  request: (i) => requestTo(pathOf(i)),
  test(i) {
    const wanted = pathOf(i);
    return pathIs((path) => path.startsWith(wanted));
  },
};

const exact: Shape = {
  name: "path",
  sizes: all,
  match: (i) => ({ path: pathOf(i) }),
  request: (i) => requestTo(pathOf(i)),
  test(i) {
    const wanted = pathOf(i);
    return pathIs((path) => path === wanted);
  },
};

const separated: Shape = {
  name: "path_separated_prefix",
  sizes: all,
  match: (i) => ({ pathSeparatedPrefix: pathOf(i) }),
  request: (i) => requestTo(pathOf(i)),
  test(i) {
    const wanted = pathOf(i);
    return pathIs((path) => path.startsWith(wanted) && (path.length === wanted.length || path[wanted.length] === "/"));
  },
};

const byPattern = (name: string, pattern: (i: number) => string, path: (i: number) => string): Shape => ({
  name,
  sizes: withPatterns,
  match: (i) => ({ safeRegex: { regex: pattern(i) } }),
  request: (i) => requestTo(path(i)),
  test(i) {
    const regex = new RegExp(`^(?:${pattern(i)})$`);
    return pathIs((path) => regex.test(path));
  },
});

const literal = byPattern("pattern with a literal beginning", (i) => `/api/v1/service-${i}/[^/]+`, below);

/** Patterns that may begin with anything. */
export const open: Shape = {
  ...byPattern(
    "pattern without a literal beginning",
    (i) => `.*/service-${i}/(users|orders)/[^/]+`,
    (i) => `/shop/service-${i}/users/1`,
  ),
  sizes: [10, 1000],
};

const templates: Shape = {
  name: "template",
  sizes: withPatterns,
  match: template,
  request: (i) => requestTo(below(i)),
  test: literal.test,
};

const tenant: Shape = {
  name: "tenant header under one path",
  sizes: all,
  match: (i) => ({ prefix: "/", headers: [{ name: "x-tenant", stringMatch: { exact: `t${i}` } }] }),
  request: (i) => requestTo("/x", { "x-tenant": `t${i}` }),
  test(i) {
    const wanted = `t${i}`;
    return (request) => request.path?.startsWith("/") === true && header(request, "x-tenant") === wanted;
  },
};

const query: Shape = {
  name: "query parameter under one path",
  sizes: all,
  match: (i) => ({ prefix: "/", queryParameters: [{ name: "id", stringMatch: { exact: `t${i}` } }] }),
  request: (i) => requestTo(`/x?id=t${i}`),
  test(i) {
    const wanted = `t${i}`;
    return pathIs((path) => path.startsWith("/") && path.slice(path.indexOf("?id=") + 4) === wanted);
  },
};

const kinds = [prefix, exact, separated, literal, templates] as const;
const kindOf = (i: number) => kinds[i % kinds.length] as Shape;

/** All path kinds in turns, every tenth route with a header besides. */
const mixed: Shape = {
  name: "all kinds of path",
  sizes: withPatterns,
  match: (i) => ({
    ...kindOf(i).match(i),
    ...(i % 10 === 9 && { headers: [{ name: "x-request-id", stringMatch: { exact: "7" } }] }),
  }),
  request: (i) => kindOf(i).request(i),
  test: (i) => kindOf(i).test(i),
};

export const shapes: readonly Shape[] = [prefix, exact, separated, literal, open, templates, mixed, tenant, query];

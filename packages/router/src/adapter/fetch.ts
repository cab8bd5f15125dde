import { type Connection, createRequest, type RouteRequest } from "../request.js";

/** The part of a fetch `Request` that is read. */
export interface FetchRequestLike {
  /** Request method. */
  readonly method: string;
  /** Absolute URL. */
  readonly url: string;
  /** Fields; repeated ones arrive joined with `, `, because fetch does so. */
  readonly headers: Iterable<readonly [string, string]>;
}

/**
 * Reads a fetch `Request`, as servers at the edge get it. The URL has been normalised by the platform, and repeated fields have been
 * joined: matchers that look at single values see the joined text.
 *
 * @param request - A fetch `Request`.
 * @param connection - What is known of the connection.
 */
export function fromFetch(request: FetchRequestLike, connection?: Connection): RouteRequest {
  // A fragment is part of the object, but never of what is sent.
  const url = request.url.replace(/#.*$/, "");
  return createRequest({ method: request.method, url, headers: request.headers, connection });
}

import { createRequest, type RouteRequest } from "@weftmesh/router";
import type { RouteConfiguration } from "@weftmesh/xds-types/envoy/config/route/v3";
import type { StringMatcher } from "@weftmesh/xds-types/envoy/type/matcher/v3";

const any = (type: string, message: object) => ({ typeUrl: `type.googleapis.com/${type}`, message });
const regex = (pattern: string): StringMatcher => ({ safeRegex: { regex: pattern } });
const seconds = (n: bigint) => ({ seconds: n });
const add = (key: string, value: string) => ({
  header: { key, value },
  appendAction: "OVERWRITE_IF_EXISTS_OR_ADD" as const,
});

/** A table in which nearly every field that routing reads is set. */
export const fullTable: RouteConfiguration = {
  name: "full",
  internalOnlyHeaders: ["x-secret"],
  requestHeadersToAdd: [add("x-table", "%REQ(:path)%-%PROTOCOL%")],
  requestHeadersToRemove: ["x-gone"],
  responseHeadersToAdd: [add("x-answer", "%ROUTE_NAME%")],
  responseHeadersToRemove: ["server"],
  maxDirectResponseBodySizeBytes: 100,
  ignorePortInHostMatching: true,
  ignorePathParametersInPathMatching: true,
  requestMirrorPolicies: [
    { cluster: "copy", runtimeFraction: { defaultValue: { numerator: 50 }, runtimeKey: "mirror" } },
  ],
  metadata: { filterMetadata: { "envoy.lb": { stage: "prod", list: [1, null, "a"] } } },
  virtualHosts: [
    {
      name: "shop",
      domains: ["shop.test", "*.shop.test", "shop.*"],
      requireTls: "EXTERNAL_ONLY",
      includeRequestAttemptCount: true,
      virtualClusters: [{ name: "cart", headers: [{ name: ":path", stringMatch: { prefix: "/cart" } }] }],
      rateLimits: [
        { stage: 1, actions: [{ genericKey: { descriptorValue: "host" } }, { remoteAddress: {} }] },
        {
          actions: [
            { requestHeaders: { headerName: "x-user", descriptorKey: "user", skipIfAbsent: true } },
            {
              headerValueMatch: {
                descriptorValue: "get",
                headers: [{ name: ":method", stringMatch: { exact: "GET" } }],
              },
            },
            { maskedRemoteAddress: { v4PrefixMaskLen: 24 } },
          ],
        },
      ],
      retryPolicy: {
        retryOn: "5xx,retriable-headers",
        numRetries: 3,
        perTryTimeout: seconds(1n),
        retryBackOff: { baseInterval: { nanos: 10_000_000 }, maxInterval: seconds(1n) },
        rateLimitedRetryBackOff: {
          resetHeaders: [{ name: "retry-after", format: "SECONDS" }],
          maxInterval: seconds(9n),
        },
        retriableHeaders: [{ name: "x-again", presentMatch: true }],
        retriableStatusCodes: [418],
      },
      hedgePolicy: { hedgeOnPerTryTimeout: true },
      routes: [
        {
          name: "weighted",
          match: {
            prefix: "/cart",
            caseSensitive: false,
            runtimeFraction: { defaultValue: { numerator: 90, denominator: "HUNDRED" }, runtimeKey: "cart" },
            headers: [
              { name: "x-canary", stringMatch: regex("(yes|no)"), invertMatch: true, treatMissingHeaderAsEmpty: true },
              { name: "x-size", rangeMatch: { start: 1n, end: 10n } },
            ],
            queryParameters: [{ name: "q", stringMatch: { contains: "a", ignoreCase: true } }],
            cookies: [{ name: "session", stringMatch: { exact: "s" }, invertMatch: true }],
            tlsContext: { presented: false },
            dynamicMetadata: [
              {
                filter: "f",
                path: [{ key: "k" }],
                value: { listMatch: { oneOf: { doubleMatch: { exact: 1 } } } },
                invert: true,
              },
            ],
          },
          route: {
            weightedClusters: {
              clusters: [
                { name: "cart-v1", weight: 90, requestHeadersToAdd: [add("x-version", "1")] },
                { clusterHeader: "x-cluster", weight: 10, hostRewriteLiteral: "cart.internal" },
              ],
              headerName: "x-bucket",
              runtimeKeyPrefix: "weights",
            },
            prefixRewrite: "/v1",
            timeout: seconds(3n),
            idleTimeout: seconds(5n),
            priority: "HIGH",
            metadataMatch: { filterMetadata: { "envoy.lb": { zone: "a" } } },
            upgradeConfigs: [{ upgradeType: "websocket", enabled: true }],
            hashPolicy: [
              {
                header: { headerName: "x-user", regexRewrite: { pattern: { regex: "a+" }, substitution: "b" } },
                terminal: true,
              },
              {
                cookie: {
                  name: "affinity",
                  ttl: seconds(60n),
                  path: "/",
                  attributes: [{ name: "SameSite", value: "Lax" }],
                },
              },
              { connectionProperties: { sourceIp: true } },
              { queryParameter: { name: "q" } },
            ],
            internalRedirectPolicy: {
              maxInternalRedirects: 2,
              redirectResponseCodes: [302, 307],
              responseHeadersToCopy: ["x-copied"],
              predicates: [
                {
                  name: "listed",
                  typedConfig: any(
                    "envoy.extensions.internal_redirect.allow_listed_routes.v3.AllowListedRoutesConfig",
                    {
                      allowedRouteNames: ["weighted"],
                    },
                  ),
                },
              ],
            },
            maxStreamDuration: { maxStreamDuration: seconds(20n), grpcTimeoutHeaderMax: seconds(5n) },
          },
          decorator: { operation: "cart", propagate: false },
          tracing: { clientSampling: { numerator: 5 }, customTags: [{ tag: "a", literal: { value: "b" } }] },
          typedPerFilterConfig: {
            cors: any("envoy.extensions.filters.http.cors.v3.CorsPolicy", {
              allowOriginStringMatch: [{ exact: "http://a.test" }, regex("http://.*")],
              allowMethods: "GET",
              filterEnabled: { defaultValue: { numerator: 100 } },
            }),
            off: any("envoy.config.route.v3.FilterConfig", { disabled: true }),
          },
        },
        {
          name: "template",
          match: {
            pathMatchPolicy: {
              name: "t",
              typedConfig: any("envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig", {
                pathTemplate: "/t/{id}/**",
              }),
            },
          },
          route: {
            clusterHeader: "x-cluster",
            clusterNotFoundResponseCode: "NOT_FOUND",
            pathRewritePolicy: {
              name: "t",
              typedConfig: any("envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig", {
                pathTemplateRewrite: "/u/{id}",
              }),
            },
            hostRewritePathRegex: { pattern: { regex: "^/t/(.+)/.*" }, substitution: "\\1.test" },
            appendXForwardedHost: true,
          },
        },
        {
          match: { safeRegex: { regex: "/r/[0-9]+" }, grpc: {} },
          route: {
            cluster: "grpc",
            regexRewrite: { pattern: { regex: "[0-9]+" }, substitution: "n" },
            maxGrpcTimeout: seconds(1n),
          },
        },
        {
          match: { pathSeparatedPrefix: "/go" },
          redirect: { httpsRedirect: true, portRedirect: 8443, pathRedirect: "/to?x=1", responseCode: "FOUND" },
        },
        {
          match: { path: "/hello" },
          directResponse: {
            status: 200,
            body: { inlineString: "hi" },
            bodyFormat: { textFormatSource: { inlineString: "%LOCAL_REPLY_BODY%!" } },
          },
          responseHeadersToAdd: [add("x-when", "%START_TIME(%s)%")],
        },
        {
          match: { connectMatcher: {} },
          route: { cluster: "proxy", upgradeConfigs: [{ upgradeType: "CONNECT", connectConfig: {} }] },
        },
        { match: { prefix: "/" }, route: { cluster: "rest", hostRewriteLiteral: "rest.internal" } },
      ],
    },
    {
      name: "tree",
      domains: ["*"],
      matcher: {
        matcherTree: {
          input: {
            name: "path",
            typedConfig: any("envoy.type.matcher.v3.HttpRequestHeaderMatchInput", { headerName: ":path" }),
          },
          prefixMatchMap: {
            map: {
              "/a": {
                action: {
                  name: "route",
                  typedConfig: any("envoy.config.route.v3.Route", { match: { prefix: "/" }, route: { cluster: "a" } }),
                },
              },
              "/b": {
                matcher: {
                  matcherList: {
                    matchers: [
                      {
                        predicate: {
                          notMatcher: {
                            singlePredicate: {
                              input: {
                                name: "h",
                                typedConfig: any("envoy.type.matcher.v3.HttpRequestHeaderMatchInput", {
                                  headerName: "x-b",
                                }),
                              },
                              valueMatch: { exact: "1" },
                            },
                          },
                        },
                        onMatch: {
                          action: {
                            name: "list",
                            typedConfig: any("envoy.config.route.v3.RouteList", {
                              routes: [{ match: { path: "/b" }, directResponse: { status: 204 } }],
                            }),
                          },
                        },
                      },
                    ],
                  },
                },
              },
            },
          },
        },
      },
    },
  ],
};

/** Requests that reach every route of {@link fullTable}. */
export const fullRequests: readonly RouteRequest[] = [
  {
    ...createRequest({
      url: "https://shop.test/CART/7;v=1?q=A",
      headers: {
        "x-size": "5",
        "x-user": "aab",
        cookie: "session=t",
        "x-envoy-max-retries": "2",
        origin: "http://a.test",
      },
      metadata: { f: { k: [2] } },
    }),
    remoteAddress: "10.1.2.3",
  },

  createRequest({ url: "https://a.shop.test/t/7/x?y", headers: { "x-cluster": "t" } }),
  createRequest({
    url: "https://shop.org:8080/r/12",
    headers: { "content-type": "application/grpc", "grpc-timeout": "5S" },
  }),
  createRequest({ url: "https://shop.test/go/on?z=2" }),
  createRequest({ url: "https://shop.test/hello" }),
  createRequest({ url: "http://shop.test/hello" }),
  createRequest({ method: "CONNECT", authority: "shop.test:443", scheme: "https" }),
  createRequest({ url: "https://shop.test/other", headers: { __proto__x: "1" } }),
  createRequest({ url: "http://elsewhere.test/a/b" }),
  createRequest({ url: "http://elsewhere.test/b" }),
  createRequest({ url: "http://elsewhere.test/none" }),
];

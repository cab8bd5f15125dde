/** Rules, listeners, scopes and filters with one random place replaced: a compiled thing that never throws, or the package's error. */
import {
  bucketRule,
  compileConnectionManager,
  compileFault,
  compileListener,
  compileRbac,
  compileScopes,
  createRequest,
  type RouteRequest,
  RouterError,
} from "@weftmesh/router";
import fc from "fast-check";
import { expect, test } from "vitest";
import { isOfAnotherType, places, replaced, valueAt, wrong } from "./mutate.js";

const any = (type: string, message: object) => ({ typeUrl: `type.googleapis.com/${type}`, message });
const tls = { presented: true, validated: true, uriSans: ["spiffe://a/b"], subject: "CN=a" };
const connection = {
  sourceAddress: "10.0.0.1",
  sourcePort: 9,
  destinationAddress: "10.0.0.2",
  destinationPort: 443,
  serverName: "a.test",
  tls,
};
const requests: readonly RouteRequest[] = [
  createRequest({
    url: "https://a.test/x/1?q=2",
    headers: { "x-a": "1", "x-scope": "t=blue,u=2" },
    connection,
    metadata: { f: { k: "v" } },
  }),
  createRequest({ url: "http://b.test/", method: "POST" }),
];

const rule = { header: { name: "x-a", stringMatch: { safeRegex: { regex: "[0-9]+" } } } };
const rbac = {
  rules: {
    action: "DENY",
    policies: {
      one: {
        permissions: [
          {
            andRules: {
              rules: [rule, { urlPath: { path: { prefix: "/x", ignoreCase: true } } }, { destinationPort: 443 }],
            },
          },
          { notRule: { destinationIp: { addressPrefix: "10.0.0.0", prefixLen: 8 } } },
          { metadata: { filter: "f", path: [{ key: "k" }], value: { stringMatch: { exact: "v" } } } },
          { requestedServerName: { exact: "a.test" } },
          { destinationPortRange: { start: 1, end: 9 } },
        ],
        principals: [
          { authenticated: { principalName: { exact: "spiffe://a/b" } } },
          { orIds: { ids: [{ directRemoteIp: { addressPrefix: "::1", prefixLen: 128 } }, { any: true }] } },
        ],
      },
    },
  },
  shadowMatcher: {
    matcherTree: {
      input: { name: "ip", typedConfig: any("envoy.extensions.matching.common_inputs.network.v3.SourceIPInput", {}) },
      customMatch: {
        name: "ip",
        typedConfig: any("xds.type.matcher.v3.IPMatcher", {
          rangeMatchers: [
            {
              ranges: [{ addressPrefix: "10.0.0.0", prefixLen: 8 }],
              onMatch: {
                action: { name: "a", typedConfig: any("envoy.config.rbac.v3.Action", { name: "in", action: "ALLOW" }) },
              },
            },
          ],
        }),
      },
    },
  },
};

const listener = {
  name: "in",
  filterChains: [
    {
      name: "tls",
      filterChainMatch: {
        destinationPort: 443,
        serverNames: ["*.test"],
        transportProtocol: "tls",
        prefixRanges: [{ addressPrefix: "10.0.0.0", prefixLen: 8 }],
      },
    },
    {
      name: "local",
      filterChainMatch: { sourceType: "SAME_IP_OR_LOOPBACK", sourcePorts: [1, 2], applicationProtocols: ["h2"] },
    },
  ],
  defaultFilterChain: { name: "rest" },
};

const fault = {
  delay: { fixedDelay: { seconds: 1n, nanos: 5 }, percentage: { numerator: 5, denominator: "TEN_THOUSAND" } },
  abort: { httpStatus: 503, percentage: { numerator: 50 } },
  headers: [rule.header],
  upstreamCluster: "a",
  downstreamNodes: ["n"],
};

const manager = {
  statPrefix: "a",
  normalizePath: true,
  pathWithEscapedSlashesAction: "UNESCAPE_AND_FORWARD",
  useRemoteAddress: true,
  xffNumTrustedHops: 1,
  internalAddressConfig: { cidrRanges: [{ addressPrefix: "10.0.0.0", prefixLen: 8 }] },
  localReplyConfig: {
    mappers: [
      {
        filter: { statusCodeFilter: { comparison: { op: "GE", value: { defaultValue: 500, runtimeKey: "k" } } } },
        statusCode: 418,
        body: { inlineString: "b" },
        headersToAdd: [{ header: { key: "x", value: "%RESPONSE_CODE%" } }],
        bodyFormatOverride: { jsonFormat: { code: "%RESPONSE_CODE%" } },
      },
    ],
    bodyFormat: { textFormatSource: { inlineString: "%LOCAL_REPLY_BODY%" }, contentType: "text/x" },
  },
};

const scopes = {
  builder: {
    fragments: [
      { headerValueExtractor: { name: "x-scope", elementSeparator: ",", element: { separator: "=", key: "t" } } },
    ],
  },
  list: [{ name: "s", routeConfigurationName: "blue", key: { fragments: [{ stringKey: "blue" }] } }],
};

/** Each compiler with a valid input, and what is done with the result. */
const compilers: Readonly<Record<string, { readonly valid: object; run(config: never): void }>> = {
  compileRbac: {
    valid: rbac,
    run(config) {
      const compiled = compileRbac(config);
      for (const request of requests) compiled.decide(request, { f: { k: "v" } });
      compiled.decideConnection(connection);
    },
  },
  compileListener: {
    valid: listener,
    run(config) {
      const compiled = compileListener(config);
      compiled.match(connection);
      compiled.explain({ sourceAddress: "127.0.0.1", applicationProtocols: ["h2"] });
    },
  },
  compileFault: {
    valid: fault,
    run(config) {
      const compiled = compileFault(config);
      for (const request of requests) compiled.decide(request, "a", () => 0);
    },
  },
  compileConnectionManager: {
    valid: manager,
    run(config) {
      const compiled = compileConnectionManager(config);
      for (const request of requests) {
        const admission = compiled.accept(request);
        if (admission.kind === "reply") compiled.reply(admission.reply, request, { details: "x", flags: "-", now: 0 });
      }
      const original = { status: 503, headers: [], body: "b" };
      compiled.reply({ ...original, original }, requests[0] as RouteRequest, { details: "x", flags: "-", now: 0 });
      compiled.response(["server", "x"]);
    },
  },
  compileScopes: {
    valid: scopes,
    run(config: typeof scopes) {
      const compiled = compileScopes(config.builder, config.list as never);
      for (const request of requests) compiled.select(request);
    },
  },
  bucketRule: {
    valid: { maxTokens: 3, tokensPerFill: 2, fillInterval: { seconds: 1n } },
    run: (config) => void bucketRule(config),
  },
};

const cases = Number(process.env["ROUTER_FUZZ_CASES"] ?? 400);

test.each(Object.entries(compilers))(
  "%s",
  (_, { valid, run }) => {
    run(valid as never);
    const arbitrary = fc.tuple(fc.constantFrom(...places(valid)), fc.constantFrom(...wrong));
    fc.assert(
      fc.property(arbitrary, ([way, value]) => {
        try {
          run(replaced(valid, way, value) as never);
        } catch (error) {
          if (!(error instanceof RouterError)) throw error;
          expect(error.issues.every(({ code }) => code.startsWith("ERR_ROUTER_"))).toBe(true);
          return;
        }
        expect(isOfAnotherType(valueAt(valid, way), value), `${way.join(".")} was accepted`).toBe(false);
      }),
      { numRuns: cases, seed: 7 },
    );
  },
  600_000,
);

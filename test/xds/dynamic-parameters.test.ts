import { DeltaDiscoveryRequest, DeltaDiscoveryResponse } from "@weftmesh/xds-types/envoy/service/discovery/v3";
import { describe, expect, test } from "vitest";
import { openClientType } from "../../packages/xds/src/client/entry.js";
import { takeResponse } from "../../packages/xds/src/client/response.js";
import { clientRules } from "../../packages/xds/src/client/rules.js";
import { matchesParameters, type ParameterConstraint, variantName } from "../../packages/xds/src/dynamic-parameters.js";
import { snapshotCache } from "../../packages/xds/src/snapshot-cache.js";
import {
  decodeDeltaRequest,
  decodeSotwRequest,
  encodeDeltaRequest,
  encodeSotwRequest,
} from "../../packages/xds/src/wire/request.js";
import {
  decodeDeltaResponse,
  decodeSotwResponse,
  encodeDeltaResponse,
  encodeSotwResponse,
} from "../../packages/xds/src/wire/response.js";
import { wire } from "./client/stream.js";
import { opaque, plainDigest, T } from "./opaque.js";
import { ServerStream } from "./server/stream.js";

const PROD: ParameterConstraint = { key: "env", value: "prod" };
const OTHERS: ParameterConstraint = { not: PROD };
const DEEP: ParameterConstraint = { and: [{ key: "env", exists: true }, { or: [PROD, OTHERS] }] };
const LIMITS = { maxNames: 100, maxNameLength: 100 };

function variants() {
  const cache = snapshotCache({ nodeKey: () => "n", encode: () => opaque(T.RDS, "never"), digest: plainDigest });
  cache.set("n", [
    opaque(T.RDS, "r", "prod", { constraints: PROD }),
    opaque(T.RDS, "r", "others", { constraints: OTHERS }),
    opaque(T.RDS, "plain", "1"),
  ]);
  const view = cache.view({ id: "n", cluster: "" }, T.RDS);
  if (view === undefined) throw new Error("no view");
  return view;
}

describe.each([{ variant: "sotw" }, { variant: "delta" }] as const)(
  "N8: dynamic parameters, $variant",
  ({ variant }) => {
    function ask(stream: ServerStream, parameters: Readonly<Record<string, string>>) {
      const known = new Map([["r", parameters]]);
      return variant === "sotw"
        ? stream.sotw(T.RDS, ["r"], {
            parameters: known,
            responseNonce: stream.session.sentCount === 0 ? "" : stream.nonce,
          })
        : stream.delta(T.RDS, { subscribe: ["r"], parameters: known });
    }

    test("N8: a client gets the variant that its parameters match, and another one when they change", () => {
      const stream = new ServerStream(variant);
      stream.setView(variants());
      expect(ask(stream, { env: "prod" })).toMatchObject([{ resources: [`${variantName("r", PROD)}=vprod`] }]);
      expect(ask(stream, { env: "test" })).toMatchObject([{ resources: [`${variantName("r", OTHERS)}=vothers`] }]);
    });

    test("N8: on the wire a variant has the name and its constraints", () => {
      const resource = opaque(T.RDS, variantName("r", DEEP), "1", { constraints: DEEP });
      const response = { version: "1", typeUrl: T.RDS, nonce: "1", resources: [resource], removed: [] };
      const read =
        variant === "sotw"
          ? decodeSotwResponse(encodeSotwResponse(response, true))
          : decodeDeltaResponse(encodeDeltaResponse(response));
      expect(read.resources).toMatchObject([{ name: "r", constraints: DEEP }]);
    });

    test("N8: a client's parameters travel as locators", () => {
      const read =
        variant === "sotw"
          ? decodeSotwRequest(
              encodeSotwRequest(
                { versionInfo: "", resourceNames: ["r"], typeUrl: T.RDS, responseNonce: "" },
                undefined,
                { env: "prod" },
              ),
              LIMITS,
            )
          : decodeDeltaRequest(
              encodeDeltaRequest(
                {
                  typeUrl: T.RDS,
                  subscribe: ["r"],
                  unsubscribe: [],
                  initialResourceVersions: new Map(),
                  responseNonce: "",
                },
                undefined,
                { env: "prod" },
              ),
              LIMITS,
            );
      expect("resourceNames" in read ? read.resourceNames : read.subscribe).toEqual(["r"]);
      expect({ ...read.parameters?.get("r") }).toEqual({ env: "prod" });
    });

    test("N8: the client takes the variant that matches, ignores others, and refuses a second match", () => {
      const rules = clientRules([], (_type, _name, value) => ({ ok: true, message: value }), {
        parameters: { env: "prod" },
      });
      const type = { ...openClientType(T.RDS), names: new Set(["r"]) };
      const take = (...constraints: readonly ParameterConstraint[]) => {
        const resources = constraints.map((each, index) => wire(T.RDS, "r", String(index), { constraints: each }));
        const response = { version: "1", typeUrl: T.RDS, nonce: "1", resources, removed: [], errors: [] };
        return takeResponse(type, variant, response, rules, 0);
      };
      expect(take(OTHERS, PROD).type.entries.get("r")?.status).toBe("acked");
      expect(take(OTHERS).type.entries.has("r")).toBe(false);
      expect([...take(DEEP, PROD).refused.keys()]).toEqual(["r"]);
    });
  },
);

test("N8: the bytes are those of the schema", () => {
  const resource = opaque(T.RDS, variantName("r", DEEP), "1", { constraints: DEEP });
  const removed = [variantName("gone", PROD), "plain"];
  const bytes = encodeDeltaResponse({ version: "1", typeUrl: T.RDS, nonce: "1", resources: [resource], removed });
  const prod = { constraint: { key: "env", value: "prod" } };
  expect(DeltaDiscoveryResponse.decode(bytes)).toMatchObject({
    removedResources: ["plain"],
    removedResourceNames: [{ name: "gone", dynamicParameterConstraints: prod }],
    resources: [
      {
        resourceName: {
          name: "r",
          dynamicParameterConstraints: {
            andConstraints: {
              constraints: [
                { constraint: { key: "env", exists: {} } },
                { orConstraints: { constraints: [prod, { notConstraints: prod }] } },
              ],
            },
          },
        },
      },
    ],
  });
  const request = {
    typeUrl: T.RDS,
    subscribe: ["r"],
    unsubscribe: [],
    initialResourceVersions: new Map(),
    responseNonce: "",
  };
  expect(DeltaDiscoveryRequest.decode(encodeDeltaRequest(request, undefined, { env: "prod" }))).toMatchObject({
    resourceLocatorsSubscribe: [{ name: "r", dynamicParameters: { env: "prod" } }],
  });
});

test.each([
  { constraint: PROD, parameters: { env: "prod" }, matches: true },
  { constraint: PROD, parameters: {}, matches: false },
  { constraint: OTHERS, parameters: {}, matches: true },
  { constraint: { key: "env", exists: true } as const, parameters: { env: "x" }, matches: true },
  { constraint: { key: "toString", exists: true } as const, parameters: {}, matches: false },
  { constraint: DEEP, parameters: { env: "x" }, matches: true },
  { constraint: { or: [] }, parameters: {}, matches: false },
  { constraint: { and: [] }, parameters: {}, matches: true },
])("N8: $constraint matches $parameters: $matches", ({ constraint, parameters, matches }) => {
  expect(matchesParameters(constraint, parameters as Record<string, string>)).toBe(matches);
});

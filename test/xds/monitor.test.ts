import { describe, expect, test } from "vitest";
import { resourceName } from "../../packages/xds/src/client/resource-name.js";
import { createStreamMonitor, type StreamMonitor } from "../../packages/xds/src/monitor.js";
import type { DeltaRequest, SotwRequest } from "../../packages/xds/src/wire/request.js";
import type { DiscoveryResponse } from "../../packages/xds/src/wire/response.js";
import { wire } from "./client/stream.js";
import { T } from "./opaque.js";

const node = { id: "n", cluster: "" };

function sotw(fields: Partial<SotwRequest> = {}): SotwRequest {
  return { versionInfo: "", resourceNames: [], typeUrl: T.EDS, responseNonce: "", ...fields };
}

function delta(fields: Partial<DeltaRequest> = {}): DeltaRequest {
  return {
    typeUrl: T.EDS,
    subscribe: [],
    unsubscribe: [],
    initialResourceVersions: new Map(),
    responseNonce: "",
    ...fields,
  };
}

function response(
  nonce: string,
  contents: Readonly<Record<string, string>>,
  fields: Partial<DiscoveryResponse> = {},
): DiscoveryResponse {
  const resources = Object.entries(contents).map(([name, content]) => wire(T.EDS, name, content));
  return { version: `r${nonce}`, typeUrl: T.EDS, nonce, resources, removed: [], errors: [], ...fields };
}

const refusal = { code: 3, message: "no" };

/** What the client (`{…}` of requests) and the server say, in order; the breaches of all of it, as `rule party`. */
function play(
  monitor: StreamMonitor,
  messages: readonly (SotwRequest | DeltaRequest | DiscoveryResponse)[],
  bytes = 100,
): readonly string[] {
  return messages
    .flatMap((message) =>
      "nonce" in message ? monitor.response(message, bytes, resourceName) : monitor.request(message, bytes),
    )
    .map(({ rule, by }) => `${rule} ${by}`);
}

describe("what the monitor reports", () => {
  test.each([
    { rule: "V6 client", name: "no node at first", variant: "sotw", messages: [sotw()] },
    {
      rule: "V6 client",
      name: "another node later",
      variant: "sotw",
      messages: [sotw({ node }), sotw({ node: { ...node, id: "m" }, typeUrl: T.CDS })],
    },
    {
      rule: "V5 client",
      name: "no type on an aggregated stream",
      variant: "sotw",
      messages: [sotw({ node, typeUrl: "" })],
    },
    {
      rule: "V5 client",
      name: "another type than the stream's",
      variant: "sotw",
      fixed: T.CDS,
      messages: [sotw({ node })],
    },
    {
      rule: "V5 server",
      name: "a type nobody asked for",
      variant: "sotw",
      messages: [sotw({ node, typeUrl: T.CDS }), response("1", {})],
    },
    {
      rule: "S4 client",
      name: "an answer to nothing",
      variant: "sotw",
      messages: [sotw({ node }), sotw({ responseNonce: "7" })],
    },
    {
      rule: "D5 client",
      name: "an answer to nothing",
      variant: "delta",
      messages: [delta({ node }), delta({ responseNonce: "7" })],
    },
    {
      rule: "D5 client",
      name: "a second answer",
      variant: "delta",
      messages: [delta({ node }), response("1", {}), delta({ responseNonce: "1" }), delta({ responseNonce: "1" })],
    },
    {
      rule: "S11 client",
      name: "a refusal of what was acknowledged",
      variant: "sotw",
      messages: [
        sotw({ node }),
        response("1", { a: "1" }),
        sotw({ responseNonce: "1", versionInfo: "r1" }),
        sotw({ responseNonce: "1", versionInfo: "r1", errorDetail: refusal }),
      ],
    },
    {
      rule: "S1 client",
      name: "an acknowledgement of another version",
      variant: "sotw",
      messages: [sotw({ node }), response("1", { a: "1" }), sotw({ responseNonce: "1", versionInfo: "r0" })],
    },
    {
      rule: "S1 client",
      name: "a refusal with the refused version",
      variant: "sotw",
      messages: [
        sotw({ node }),
        response("1", { a: "1" }),
        sotw({ responseNonce: "1", versionInfo: "r1", errorDetail: refusal }),
      ],
    },
    {
      rule: "D1 client",
      name: "versions later than in the first request",
      variant: "delta",
      messages: [delta({ node }), delta({ initialResourceVersions: new Map([["a", "1"]]) })],
    },
    { rule: "S4 server", name: "no nonce", variant: "sotw", messages: [sotw({ node }), response("", {})] },
    {
      rule: "D5 server",
      name: "a nonce twice",
      variant: "delta",
      messages: [delta({ node }), response("1", {}), response("1", {})],
    },
    {
      rule: "S9 server",
      name: "a name twice",
      variant: "delta",
      messages: [delta({ node }), response("1", {}, { resources: [wire(T.EDS, "a", "1"), wire(T.EDS, "a", "2")] })],
    },
    {
      rule: "D6 server",
      name: "a resource of another type",
      variant: "delta",
      messages: [delta({ node }), response("1", {}, { resources: [wire(T.CDS, "a", "1")] })],
    },
    {
      rule: "D2 server",
      name: "a removal of what the client has not",
      variant: "delta",
      messages: [delta({ node, subscribe: ["a"] }), response("1", {}, { removed: ["b"] })],
    },
    {
      rule: "E4 server",
      name: "a resource that is also an error",
      variant: "delta",
      messages: [
        delta({ node }),
        response("1", { a: "1" }, { errors: [{ name: "a", status: { code: 5, message: "" } }] }),
      ],
    },
    {
      rule: "E5 server",
      name: "a heartbeat of another version",
      variant: "delta",
      messages: [
        delta({ node }),
        response("1", { a: "1" }),
        response("2", {}, { resources: [{ name: "a", version: "v2", typeUrl: "", aliases: [], ttlMs: 1000 }] }),
      ],
    },
    {
      rule: "S3 server",
      name: "the refused content again",
      variant: "delta",
      messages: [
        delta({ node }),
        response("1", { a: "1" }),
        delta({ responseNonce: "1", errorDetail: refusal }),
        response("2", { a: "1" }),
      ],
    },
    {
      rule: "S3 server",
      name: "the refused content again",
      variant: "sotw",
      messages: [
        sotw({ node, resourceNames: ["a"] }),
        response("1", { a: "1" }),
        sotw({ resourceNames: ["a"], responseNonce: "1", errorDetail: refusal }),
        response("2", { a: "1" }),
      ],
    },
  ] as const)("$rule: $name, $variant", ({ rule, variant, messages, ...rest }) => {
    expect(play(createStreamMonitor(variant, "fixed" in rest ? rest.fixed : undefined), messages)).toEqual([rule]);
  });

  test("messages over 4 MiB, of both", () => {
    expect(play(createStreamMonitor("delta"), [delta({ node }), response("1", {})], 5 << 20)).toEqual([
      "V8 client",
      "V8 server",
    ]);
  });

  test("nothing of what is allowed: stale answers, changed names after a refusal, other content, names asked again", () => {
    const names = { resourceNames: ["a"] };
    expect(
      play(createStreamMonitor("sotw"), [
        sotw({ node, ...names }),
        response("1", { a: "1" }),
        response("2", { a: "2" }),
        sotw({ ...names, responseNonce: "1", versionInfo: "r1" }),
        sotw({ ...names, responseNonce: "2", versionInfo: "", errorDetail: refusal }),
        sotw({ resourceNames: ["a", "b"], responseNonce: "2", versionInfo: "" }),
        response("3", { a: "3", b: "1" }),
        sotw({ resourceNames: ["a", "b"], responseNonce: "3", versionInfo: "r3" }),
      ]),
    ).toEqual([]);
    expect(
      play(createStreamMonitor("delta"), [
        delta({ node, subscribe: ["a"], initialResourceVersions: new Map([["old", "1"]]) }),
        response("1", { a: "1" }, { removed: ["old"] }),
        delta({ responseNonce: "1", errorDetail: refusal }),
        delta({ subscribe: ["a"] }),
        response("2", { a: "1" }),
        delta({ responseNonce: "2" }),
        response("3", {}, { removed: ["a"] }),
      ]),
    ).toEqual([]);
  });
});

import { describe, expect, test } from "vitest";
import { openSession, stepSession } from "../../../packages/xds/src/server/session.js";
import { createView } from "../../../packages/xds/src/view.js";
import { decodeDeltaResponse, encodeDeltaResponse } from "../../../packages/xds/src/wire/response.js";
import { opaque, plainDigest, T } from "../opaque.js";
import { ServerStream } from "./stream.js";

const RULES = {
  maxResponseBytes: 1000,
  maxTypes: 4,
  maxNames: 100,
  maxOutstanding: 8,
  orderingMs: 5000,
  reportMissing: () => true,
};

describe("server, on demand", () => {
  test("N1: an unknown virtual host is answered by a resource without a body that has its name as alias", () => {
    const stream = new ServerStream("delta");
    stream.set(T.VHDS, { "routes/known": "1" });
    const [sent] = stream.delta(T.VHDS, { subscribe: ["routes/known", "routes/unknown"] });
    expect(sent).toMatchObject({ resources: ["routes/known=v1"], removed: [], unknown: ["routes/unknown"] });
  });

  test("N1: on the wire the unknown one has no body", () => {
    const bodiless = [{ name: "routes/unknown", version: "", aliases: ["routes/unknown"] }];
    const response = { version: "1", typeUrl: T.VHDS, nonce: "1", resources: [], removed: [], bodiless };
    const [read] = decodeDeltaResponse(encodeDeltaResponse(response)).resources;
    expect(read).toMatchObject({ name: "routes/unknown", aliases: ["routes/unknown"], version: "" });
    expect(read).not.toHaveProperty("value");
  });

  test("N2: names beside a wildcard are asked for, and a missing cluster is reported", () => {
    const stream = new ServerStream("delta");
    stream.set(T.CDS, { a: "1" });
    stream.delta(T.CDS, { subscribe: ["*"] });
    expect(stream.delta(T.CDS, { subscribe: ["on-demand"] })).toMatchObject([
      { resources: [], removed: ["on-demand"] },
    ]);
    expect(stream.publish(T.CDS, { a: "1", "on-demand": "1" })).toMatchObject([{ resources: ["on-demand=v1"] }]);
  });
});

describe("server, time to live", () => {
  const node = { id: "n", cluster: "c", clientFeatures: ["xds.config.supports-resource-ttl"] };
  const resources = new Map([
    ["a", opaque(T.EDS, "a", "1", { ttlMs: 3000 })],
    ["b", opaque(T.EDS, "b", "1")],
  ]);
  const view = createView(T.EDS, resources, plainDigest);

  function subscribe(who: object) {
    const request = {
      ...{ typeUrl: T.EDS, subscribe: ["a", "b"], unsubscribe: [], initialResourceVersions: new Map() },
      ...{ responseNonce: "", node: { ...node, ...who } },
    };
    const asked = stepSession(openSession("delta"), { kind: "delta-request", request }, RULES, 0);
    return stepSession(asked.state, { kind: "flush", typeUrls: [T.EDS], view: () => view }, RULES, 0);
  }

  test("E5: a heartbeat comes at a third of the time to live, with the version and without a body", () => {
    const { state, effects } = subscribe({});
    expect(effects.find(({ kind }) => kind === "beat")).toEqual({ kind: "beat", typeUrl: T.EDS, at: 1000 });
    const beat = stepSession(state, { kind: "beat", typeUrl: T.EDS, view: () => view }, RULES, 1000);
    expect(beat.effects).toMatchObject([
      { kind: "send", response: { resources: [], bodiless: [{ name: "a", version: "v1", ttlMs: 3000 }] } },
      { kind: "beat", at: 2000 },
    ]);
  });

  test("E5: a client that does not say it understands them gets none", () => {
    expect(subscribe({ clientFeatures: [] }).effects.map(({ kind }) => kind)).toEqual(["send"]);
  });
});

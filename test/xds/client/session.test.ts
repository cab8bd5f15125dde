import { describe, expect, test } from "vitest";
import { resourceStatuses } from "../../../packages/xds/src/client/status.js";
import { T } from "../opaque.js";
import { ClientHarness, wire } from "./stream.js";

const VARIANTS = [{ variant: "sotw" }, { variant: "delta" }] as const;

function connected(variant: "sotw" | "delta", typeUrl: string, ...names: readonly string[]): ClientHarness {
  const client = new ClientHarness(variant);
  client.want(typeUrl, ...names);
  client.connect();
  return client;
}

describe("client, state of the world", () => {
  test("S1: the version survives the stream and the nonce does not", () => {
    const client = connected("sotw", T.CDS, "*");
    expect(client.sotw).toMatchObject([{ versionInfo: "", responseNonce: "", resourceNames: [] }]);
    client.respond(T.CDS, { a: "1" });
    expect(client.sotw).toMatchObject([{ versionInfo: "r1", responseNonce: "n1" }]);
    client.step({ kind: "disconnected" });
    client.connect();
    expect(client.sotw).toMatchObject([{ versionInfo: "r1", responseNonce: "", resourceNames: [] }]);
  });

  test("S2: a NACK carries error_detail and the version accepted last", () => {
    const client = connected("sotw", T.EDS, "a");
    client.respond(T.EDS, { a: "1" });
    client.respond(T.EDS, { a: "bad" });
    expect(client.sotw).toMatchObject([{ versionInfo: "r1", responseNonce: "n2", errorDetail: { code: 3 } }]);
    expect(client.held(T.EDS)).toEqual({ a: "1" });
  });

  test("S6: what a full set leaves out is deleted, and of other types it is not", () => {
    const clusters = connected("sotw", T.CDS, "*");
    clusters.respond(T.CDS, { a: "1", b: "1" });
    clusters.respond(T.CDS, { b: "1" });
    expect(clusters.held(T.CDS)).toEqual({ b: "1" });
    const routes = connected("sotw", T.RDS, "a", "b");
    routes.respond(T.RDS, { a: "1", b: "1" });
    routes.respond(T.RDS, {});
    expect(routes.held(T.RDS)).toEqual({ a: "1", b: "1" });
  });

  test("S6: a rejected resource of a full set is not absent: its last good form stays", () => {
    const client = connected("sotw", T.CDS, "*");
    client.respond(T.CDS, { a: "1", b: "1" });
    client.respond(T.CDS, { a: "bad", b: "2" });
    expect(client.held(T.CDS)).toEqual({ a: "1", b: "2" });
  });

  test("S7: a wildcard is an empty list until a name joins it, and * from then on", () => {
    const client = connected("sotw", T.CDS, "*");
    client.want(T.CDS, "*", "a");
    expect(client.sotw).toMatchObject([{ resourceNames: ["*", "a"] }]);
    client.want(T.CDS, "*");
    expect(client.sotw).toMatchObject([{ resourceNames: ["*"] }]);
  });

  test("S7: a type without a legacy wildcard is asked for by *", () => {
    expect(connected("sotw", T.RDS, "*").sotw).toMatchObject([{ resourceNames: ["*"] }]);
  });
});

describe("client, delta", () => {
  test("D1: the first stream has no initial versions, a later one has them once and subscribes all again", () => {
    const client = connected("delta", T.EDS, "a", "b");
    expect(client.delta).toMatchObject([{ subscribe: ["a", "b"] }]);
    expect(client.delta[0]?.initialResourceVersions.size).toBe(0);
    client.respond(T.EDS, { a: "1" });
    client.step({ kind: "disconnected" });
    client.connect();
    expect(client.delta).toMatchObject([{ subscribe: ["a", "b"], initialResourceVersions: new Map([["a", "v1"]]) }]);
    client.want(T.EDS, "a", "b", "c");
    expect(client.delta).toMatchObject([{ subscribe: ["c"], unsubscribe: [], initialResourceVersions: new Map() }]);
  });

  test("D5: changes of subscription carry no nonce", () => {
    const client = connected("delta", T.EDS, "a");
    client.respond(T.EDS, { a: "1" });
    client.want(T.EDS, "b");
    expect(client.delta).toMatchObject([{ subscribe: ["b"], unsubscribe: ["a"], responseNonce: "" }]);
    expect(client.held(T.EDS)).toEqual({});
  });

  test("D7: what the server removes is gone, and a name that was asked for is known not to exist", () => {
    const client = connected("delta", T.EDS, "a", "b");
    client.respond(T.EDS, { a: "1" });
    client.respond(T.EDS, {}, { removed: ["a", "b"] });
    expect(client.held(T.EDS)).toEqual({});
    expect(client.entry(T.EDS, "b")?.status).toBe("does-not-exist");
  });

  test("D9: one refused resource does not keep the others out, and its version is not claimed later", () => {
    const client = connected("delta", T.CDS, "*");
    client.respond(T.CDS, { a: "1", b: "1" });
    client.respond(T.CDS, { a: "2", b: "bad" });
    expect(client.held(T.CDS)).toEqual({ a: "2", b: "1" });
    client.step({ kind: "disconnected" });
    client.connect();
    const versions = client.delta[0]?.initialResourceVersions;
    expect(versions).toEqual(
      new Map([
        ["a", "v2"],
        ["b", "v1"],
      ]),
    );
  });

  test("D10: a pure wildcard names nothing, and dropping it unsubscribes *", () => {
    const client = connected("delta", T.CDS, "*");
    expect(client.delta).toMatchObject([{ subscribe: [], unsubscribe: [] }]);
    client.want(T.CDS, "a");
    expect(client.delta).toMatchObject([{ subscribe: ["a"], unsubscribe: ["*"] }]);
  });

  test("D12: each part of a split response is acknowledged by itself", () => {
    const client = connected("delta", T.CDS, "*");
    client.respond(T.CDS, { a: "1" });
    expect(client.delta).toMatchObject([{ responseNonce: "n1" }]);
    client.respond(T.CDS, { b: "1" });
    expect(client.delta).toMatchObject([{ responseNonce: "n2" }]);
    expect(client.held(T.CDS)).toEqual({ a: "1", b: "1" });
  });
});

describe.each(VARIANTS)("client, $variant", ({ variant }) => {
  test("S9: what was not asked for is ignored and not refused", () => {
    const client = connected(variant, T.EDS, "a");
    client.respond(T.EDS, { a: "1", other: "bad" });
    expect(client.effects.map(({ kind }) => kind)).toContain("accepted");
    expect(client.held(T.EDS)).toEqual({ a: "1" });
  });

  test("S9: a name that comes twice is refused", () => {
    const client = connected(variant, T.EDS, "a");
    client.respond(T.EDS, {}, { resources: [wire(T.EDS, "a", "1"), wire(T.EDS, "a", "2")] });
    expect(client.effects.map(({ kind }) => kind)).toContain("refused");
  });

  test("S9, D6: a resource of another type is refused", () => {
    const client = connected(variant, T.EDS, "a");
    client.respond(T.EDS, {}, { resources: [wire(T.CDS, "a", "1")] });
    expect(client.entry(T.EDS, "a")).toMatchObject({ status: "nacked", error: { kind: "rejected", transient: false } });
  });

  test("S10: valid resources apply, and error_detail names each refused one with field and reason", () => {
    const client = connected(variant, T.CDS, "*");
    client.respond(T.CDS, { good: "1", x: "bad", y: "bad" });
    expect(client.held(T.CDS)).toEqual({ good: "1" });
    const [request] = [...client.sotw, ...client.delta];
    expect(request?.errorDetail?.message).toBe(
      'resource "x" at content: it is bad\nresource "y" at content: it is bad',
    );
  });

  test("S11: every response is answered exactly once", () => {
    const client = connected(variant, T.CDS, "*");
    for (const content of ["1", "bad", "1", "1"]) {
      const nonce = client.respond(T.CDS, { a: content });
      expect([...client.sotw, ...client.delta].map(({ responseNonce }) => responseNonce)).toEqual([nonce]);
    }
  });

  test("E1: a name the server is silent about counts as unknown after 15 s, not before the request was written", () => {
    const client = new ClientHarness(variant);
    client.want(T.RDS, "a");
    client.advance(60_000);
    expect(client.entry(T.RDS, "a")?.status).toBe("requested");
    client.connect();
    client.advance(14_999);
    expect(client.entry(T.RDS, "a")?.status).toBe("requested");
    client.advance(1);
    expect(client.entry(T.RDS, "a")?.status).toBe("timeout");
    client.respond(T.RDS, { a: "1" });
    expect(client.held(T.RDS)).toEqual({ a: "1" });
  });

  test("E1: the timer runs for a later subscription too, stops with the stream, and never for what is held", () => {
    const client = connected(variant, T.RDS, "a");
    client.respond(T.RDS, { a: "1" });
    client.want(T.RDS, "a", "b");
    client.advance(10_000);
    client.step({ kind: "disconnected" });
    client.advance(60_000);
    expect(client.entry(T.RDS, "b")?.status).toBe("requested");
    client.connect();
    client.advance(15_000);
    expect(client.entry(T.RDS, "b")?.status).toBe("timeout");
    expect(client.entry(T.RDS, "a")?.status).toBe("acked");
  });

  test("E2: what is held stays in use while there is no stream", () => {
    const client = connected(variant, T.CDS, "*");
    client.respond(T.CDS, { a: "1" });
    client.step({ kind: "disconnected" });
    client.advance(3_600_000);
    expect(client.held(T.CDS)).toEqual({ a: "1" });
  });

  test("E3: a server whose timer is transient gets 30 s, and silence is an error and no absence", () => {
    const client = new ClientHarness(variant, ["resource_timer_is_transient_error"]);
    client.want(T.RDS, "a");
    client.connect();
    client.advance(29_999);
    expect(client.entry(T.RDS, "a")?.status).toBe("requested");
    client.advance(1);
    expect(client.entry(T.RDS, "a")?.error).toMatchObject({ kind: "server", transient: true });
  });

  test("E3: ignore_resource_deletion keeps a deleted listener in use until it comes back", () => {
    const client = new ClientHarness(variant, ["ignore_resource_deletion"]);
    client.want(T.LDS, "a");
    client.connect();
    client.respond(T.LDS, { a: "1" });
    client.respond(T.LDS, {}, variant === "delta" ? { removed: ["a"] } : {});
    expect(client.held(T.LDS)).toEqual({ a: "1" });
    expect(client.entry(T.LDS, "a")?.error?.kind).toBe("server");
    client.respond(T.LDS, { a: "1" });
    expect(client.entry(T.LDS, "a")).not.toHaveProperty("error");
  });

  test.each([
    { code: 14, name: "UNAVAILABLE", transient: true, status: "received-error", kept: { a: "1" } },
    { code: 13, name: "INTERNAL", transient: true, status: "received-error", kept: { a: "1" } },
    { code: 2, name: "UNKNOWN", transient: true, status: "received-error", kept: { a: "1" } },
    { code: 7, name: "PERMISSION_DENIED", transient: false, status: "received-error", kept: {} },
    { code: 5, name: "NOT_FOUND", transient: false, status: "does-not-exist", kept: {} },
  ])("E4: $name of a resource, from a server with fail_on_data_errors", ({ code, transient, status, kept }) => {
    const client = new ClientHarness(variant, ["fail_on_data_errors"]);
    client.want(T.RDS, "a");
    client.connect();
    client.respond(T.RDS, { a: "1" });
    client.respond(T.RDS, {}, { errors: [{ name: "a", status: { code, message: "why" } }] });
    expect(client.entry(T.RDS, "a")).toMatchObject({ status, error: { kind: "server", transient, message: "why" } });
    expect(client.held(T.RDS)).toEqual(kept);
  });

  test("E4: without fail_on_data_errors a data error leaves the resource in use", () => {
    const client = connected(variant, T.RDS, "a");
    client.respond(T.RDS, { a: "1" });
    client.respond(T.RDS, {}, { errors: [{ name: "a", status: { code: 7, message: "why" } }] });
    expect(client.held(T.RDS)).toEqual({ a: "1" });
  });

  test("E5: a time to live expires, a heartbeat renews it, and a resource without one clears it", () => {
    const client = connected(variant, T.EDS, "a");
    const response = (fields: object) => client.respond(T.EDS, {}, { resources: [wire(T.EDS, "a", "1", fields)] });
    response({ ttlMs: 1000 });
    client.advance(900);
    const { value: _, ...heartbeat } = wire(T.EDS, "a", "1", { typeUrl: "", ttlMs: 1000 });
    client.respond(T.EDS, {}, { resources: [heartbeat] });
    expect(client.changed).toEqual([]);
    client.advance(999);
    expect(client.held(T.EDS)).toEqual({ a: "1" });
    client.advance(1);
    expect(client.held(T.EDS)).toEqual({});
    response({ ttlMs: 1000 });
    response({});
    client.advance(5000);
    expect(client.held(T.EDS)).toEqual({ a: "1" });
  });

  test("N1: a resource without a body says that the name is unknown", () => {
    const client = connected(variant, T.VHDS, "routes/host");
    const resources = [{ name: "routes/host", version: "", typeUrl: "", aliases: ["routes/host"] }];
    client.respond(T.VHDS, {}, { resources });
    expect(client.entry(T.VHDS, "routes/host")?.status).toBe("does-not-exist");
  });

  test("V6: types are asked for in push order when a stream opens", () => {
    const client = new ClientHarness(variant);
    client.want(T.RDS, "r");
    client.want(T.LDS, "*");
    client.want(T.EDS, "e");
    client.want(T.CDS, "*");
    client.connect();
    const urls = [...client.sotw, ...client.delta].map(({ typeUrl }) => typeUrl);
    expect(urls).toEqual([T.CDS, T.EDS, T.LDS, T.RDS]);
  });

  test("E7: the state of each resource can be told in the words of CSDS", () => {
    const client = connected(variant, T.RDS, "good", "broken", "late", "gone");
    client.respond(T.RDS, { good: "1", broken: "1" });
    client.respond(T.RDS, { broken: "bad" }, { errors: [{ name: "gone", status: { code: 5, message: "no such" } }] });
    const shown = resourceStatuses(client.session).map(({ name, status, error }) => [name, status, error]);
    expect(shown.sort()).toEqual([
      ["broken", "NACKED", "content: it is bad"],
      ["gone", "DOES_NOT_EXIST", "no such"],
      ["good", "ACKED", undefined],
      ["late", "REQUESTED", undefined],
    ]);
    client.advance(15_000);
    expect(resourceStatuses(client.session).find(({ name }) => name === "late")?.status).toBe("TIMEOUT");
  });

  test("unchanged content keeps its identity and wakes no watcher", () => {
    const client = connected(variant, T.CDS, "*");
    client.respond(T.CDS, { a: "1" });
    const before = client.entry(T.CDS, "a")?.accepted?.message;
    client.respond(T.CDS, { a: "1" });
    expect(client.entry(T.CDS, "a")?.accepted?.message).toBe(before);
    expect(client.changed).toEqual([]);
  });
});

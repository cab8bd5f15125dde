import { describe, expect, test } from "vitest";
import { T } from "../opaque.js";
import { ServerStream } from "./stream.js";

const NACK = { errorDetail: { code: 3, message: "no" } };

function shown(sent: readonly { readonly resources: readonly string[]; readonly removed: readonly string[] }[]) {
  return sent.map(({ resources, removed }) => [resources, removed]);
}

describe("server, delta", () => {
  test("D1: initial versions do not subscribe", () => {
    const stream = new ServerStream("delta");
    stream.set(T.EDS, { a: "1", b: "1" });
    const versions = new Map([["b", "old"]]);
    expect(shown(stream.delta(T.EDS, { subscribe: ["a"], initialResourceVersions: versions }))).toEqual([
      [["a=v1"], []],
    ]);
  });

  test("D2: only differences from the initial versions are sent, and what is gone is removed", () => {
    const stream = new ServerStream("delta");
    stream.set(T.CDS, { same: "1", changed: "2" });
    const versions = new Map([
      ["same", "v1"],
      ["changed", "v1"],
      ["gone", "v1"],
    ]);
    const sent = stream.delta(T.CDS, { initialResourceVersions: versions });
    expect(shown(sent)).toEqual([[["changed=v2"], ["gone"]]]);
  });

  test("D2: a reconnect with matching versions is sent no resource", () => {
    const stream = new ServerStream("delta");
    stream.set(T.EDS, { a: "1" });
    expect(stream.delta(T.EDS, { subscribe: ["a"], initialResourceVersions: new Map([["a", "v1"]]) })).toEqual([]);
  });

  test("D3: a name subscribed again is answered although the client should have it", () => {
    const stream = new ServerStream("delta");
    stream.set(T.EDS, { a: "1" });
    stream.delta(T.EDS, { subscribe: ["a"] });
    expect(shown(stream.delta(T.EDS, { subscribe: ["a"] }))).toEqual([[["a=v1"], []]]);
  });

  test("D4: after a reconnect endpoints follow a changed cluster although their versions match", () => {
    const stream = new ServerStream("delta");
    stream.set(T.CDS, { a: "2" });
    stream.set(T.EDS, { a: "1" });
    stream.delta(T.CDS, { initialResourceVersions: new Map([["a", "v1"]]) });
    const sent = stream.delta(T.EDS, { subscribe: ["a"], initialResourceVersions: new Map([["a", "v1"]]) });
    expect(shown(sent)).toEqual([[["a=v1"], []]]);
  });

  test("D5: one request is an ACK and a change of subscription at once", () => {
    const stream = new ServerStream("delta");
    stream.set(T.EDS, { a: "1", b: "1" });
    stream.delta(T.EDS, { subscribe: ["a"] });
    const sent = stream.delta(T.EDS, { responseNonce: stream.nonce, subscribe: ["b"] });
    expect(shown(sent)).toEqual([[["b=v1"], []]]);
    expect(stream.effects.map(({ kind }) => kind)).toEqual(["ack", "dirty"]);
  });

  test("D5: a stale nonce does not drop its changes of subscription", () => {
    const stream = new ServerStream("delta");
    stream.set(T.EDS, { a: "1", b: "1" });
    stream.delta(T.EDS, { subscribe: ["a"] });
    expect(shown(stream.delta(T.EDS, { responseNonce: "777", subscribe: ["b"] }))).toEqual([[["b=v1"], []]]);
    expect(stream.effects.map(({ kind }) => kind)).toEqual(["dirty"]);
  });

  test("D6: system_version_info is the version of the view", () => {
    const stream = new ServerStream("delta");
    stream.set(T.CDS, { a: "1" }, "release-7");
    expect(stream.delta(T.CDS)[0]?.version).toBe("release-7");
  });

  test("D7: an unsubscribe is not answered", () => {
    const stream = new ServerStream("delta");
    stream.set(T.EDS, { a: "1", b: "1" });
    stream.delta(T.EDS, { subscribe: ["a", "b"] });
    expect(stream.delta(T.EDS, { unsubscribe: ["a"] })).toEqual([]);
    expect(shown(stream.publish(T.EDS, { a: "2", b: "2" }))).toEqual([[["b=v2"], []]]);
  });

  test("D7: under a wildcard an unsubscribed name is answered by its resource, or by its removal", () => {
    const stream = new ServerStream("delta");
    stream.set(T.CDS, { a: "1" });
    stream.delta(T.CDS, { subscribe: ["*", "a", "none"] });
    expect(shown(stream.delta(T.CDS, { unsubscribe: ["a"] }))).toEqual([[["a=v1"], []]]);
    expect(shown(stream.delta(T.CDS, { unsubscribe: ["none"] }))).toEqual([[[], ["none"]]]);
  });

  test("D7: an unsubscribe of what was never subscribed is ignored", () => {
    const stream = new ServerStream("delta");
    stream.set(T.CDS, { a: "1" });
    stream.delta(T.CDS);
    expect(stream.delta(T.CDS, { unsubscribe: ["a", "phantom"] })).toEqual([]);
  });

  test("D8: a name that does not exist is reported, remembered and pushed when it appears", () => {
    const stream = new ServerStream("delta");
    stream.set(T.EDS, {});
    expect(shown(stream.delta(T.EDS, { subscribe: ["later"] }))).toEqual([[[], ["later"]]]);
    expect(shown(stream.publish(T.EDS, { later: "1" }))).toEqual([[["later=v1"], []]]);
  });

  test("D8: the report can be left out for clients that do not take it", () => {
    const stream = new ServerStream("delta", { reportMissing: () => false });
    stream.set(T.EDS, {});
    expect(stream.delta(T.EDS, { subscribe: ["later"] })).toEqual([]);
    expect(shown(stream.publish(T.EDS, { later: "1" }))).toEqual([[["later=v1"], []]]);
    expect(shown(stream.publish(T.EDS, {}))).toEqual([[[], ["later"]]]);
  });

  test("D9: after a NACK the same content is not sent again, and a fix brings the whole response again", () => {
    const stream = new ServerStream("delta");
    stream.set(T.CDS, { good: "1", bad: "1" });
    stream.delta(T.CDS);
    expect(stream.delta(T.CDS, { responseNonce: stream.nonce, ...NACK })).toEqual([]);
    expect(shown(stream.publish(T.CDS, { good: "1", bad: "1", other: "1" }))).toEqual([[["other=v1"], []]]);
    expect(shown(stream.publish(T.CDS, { good: "1", bad: "2", other: "1" }))).toEqual([[["bad=v2", "good=v1"], []]]);
  });

  test("D9: a resource the NACK names is kept back while others of the response are sent again", () => {
    const stream = new ServerStream("delta");
    stream.set(T.CDS, { good: "1", bad: "1", third: "1" });
    stream.delta(T.CDS);
    const errorDetail = { code: 13, message: "Error adding/updating cluster(s) bad: too bad" };
    stream.delta(T.CDS, { responseNonce: stream.nonce, errorDetail });
    const sent = stream.publish(T.CDS, { good: "2", bad: "1", third: "1" });
    expect(shown(sent)).toEqual([[["good=v2", "third=v1"], []]]);
  });

  test("D10: a first request that names nothing is a wildcard, and a name that comes later does not end it", () => {
    const stream = new ServerStream("delta");
    stream.set(T.CDS, { a: "1", b: "1" });
    expect(shown(stream.delta(T.CDS))).toEqual([[["a=v1", "b=v1"], []]]);
    stream.delta(T.CDS, { subscribe: ["a"] });
    expect(shown(stream.publish(T.CDS, { a: "2", b: "2" }))).toEqual([[["a=v2", "b=v2"], []]]);
    stream.delta(T.CDS, { unsubscribe: ["*"] });
    expect(shown(stream.publish(T.CDS, { a: "3", b: "3" }))).toEqual([[["a=v3"], []]]);
  });

  test("D10: a wildcard with nothing to give is answered by an empty response", () => {
    const stream = new ServerStream("delta");
    stream.set(T.LDS, {});
    expect(shown(stream.delta(T.LDS))).toEqual([[[], []]]);
  });

  test("D12: a large batch is split, each part with a nonce of its own", () => {
    const stream = new ServerStream("delta", { maxResponseBytes: 300 });
    const names = ["a", "b", "c", "d", "e", "f"];
    stream.set(T.CDS, Object.fromEntries(names.map((name) => [name, "1"])));
    const sent = stream.delta(T.CDS);
    expect(sent.length).toBeGreaterThan(1);
    expect(new Set(sent.map(({ nonce }) => nonce)).size).toBe(sent.length);
    expect(sent.flatMap(({ resources }) => resources).sort()).toEqual(names.map((name) => `${name}=v1`));
    for (const { nonce } of sent) {
      stream.delta(T.CDS, { responseNonce: nonce });
      expect(stream.effects[0]?.kind).toBe("ack");
    }
  });

  test("O5: what was unsubscribed before it was sent is not sent", () => {
    const stream = new ServerStream("delta");
    stream.set(T.EDS, { a: "1", b: "1" });
    stream.delta(T.EDS, { subscribe: ["a", "b"] });
    stream.set(T.EDS, { a: "2", b: "2" });
    expect(shown(stream.delta(T.EDS, { unsubscribe: ["a"] }))).toEqual([[["b=v2"], []]]);
  });
});

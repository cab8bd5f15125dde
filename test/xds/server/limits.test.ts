import { describe, expect, test } from "vitest";
import { openSession, stepSession } from "../../../packages/xds/src/server/session.js";
import { T } from "../opaque.js";
import { ServerStream } from "./stream.js";

const RULES = {
  ...{ maxResponseBytes: 1000, maxTypes: 2, maxNames: 3, maxOutstanding: 2, orderingMs: 5000 },
  reportMissing: () => true,
};

function closing(stream: ServerStream): unknown {
  return stream.effects.find(({ kind }) => kind === "close");
}

describe("server, framing", () => {
  test("V5: a stream of one type implies it, and refuses another", () => {
    const stream = new ServerStream("sotw", {}, T.CDS);
    stream.set(T.CDS, { a: "1" });
    expect(stream.sotw("", [])).toMatchObject([{ typeUrl: T.CDS, resources: ["a=v1"] }]);
    stream.sotw(T.LDS, []);
    expect(closing(stream)).toMatchObject({ code: 3 });
  });

  test("V5: on an aggregated stream the type must be named, and each has its own nonce and version", () => {
    const stream = new ServerStream("sotw");
    stream.sotw("", []);
    expect(closing(stream)).toMatchObject({ code: 3, message: expect.stringContaining("type_url") });
  });

  test("V6: a first request without a node is refused, later ones need none and change nothing", () => {
    const request = { versionInfo: "", resourceNames: [], typeUrl: T.CDS, responseNonce: "" };
    const first = stepSession(openSession("sotw"), { kind: "sotw-request", request }, RULES, 0);
    expect(first.effects).toMatchObject([{ kind: "close", code: 3 }]);
    const stream = new ServerStream("sotw");
    stream.sotw(T.CDS, []);
    stream.sotw(T.LDS, [], { node: { id: "another", cluster: "c" } });
    expect(stream.session.node?.id).toBe("n");
  });

  test.each(["sotw", "delta"] as const)("F2: an acknowledgement makes nothing due, %s", (variant) => {
    const stream = new ServerStream(variant);
    if (variant === "sotw") stream.sotw(T.EDS, ["a"]);
    else stream.delta(T.EDS, { subscribe: ["a"] });
    stream.publish(T.EDS, { a: "1" });
    const responseNonce = stream.nonce;
    if (variant === "sotw") stream.sotw(T.EDS, ["a"], { responseNonce });
    else stream.delta(T.EDS, { responseNonce });
    expect(stream.effects.map(({ kind }) => kind)).toEqual(["ack"]);
  });

  test("V8, D12: piecewise types are split in state of the world too, full sets are not", () => {
    const contents = Object.fromEntries(["a", "b", "c", "d"].map((name) => [name, "1"]));
    const split = new ServerStream("sotw", { maxResponseBytes: 300 });
    split.set(T.EDS, contents);
    expect(split.sotw(T.EDS, ["a", "b", "c", "d"]).length).toBeGreaterThan(1);
    const whole = new ServerStream("sotw", { maxResponseBytes: 300 });
    whole.set(T.CDS, contents);
    expect(whole.sotw(T.CDS, [])).toHaveLength(1);
  });
});

describe("server, overload", () => {
  test("F2: states that a client did not have time for are skipped", () => {
    const stream = new ServerStream("delta");
    stream.set(T.CDS, { a: "1" });
    stream.delta(T.CDS);
    stream.set(T.CDS, { a: "2" });
    stream.set(T.CDS, { a: "3" });
    expect(stream.flush([T.CDS])).toMatchObject([{ resources: ["a=v3"] }]);
    expect(stream.flush([T.CDS])).toEqual([]);
  });

  test("F2: a client that answers nothing is sent no more than a bounded number of delta responses", () => {
    const stream = new ServerStream("delta", { maxOutstanding: 2 });
    stream.set(T.CDS, { a: "0" });
    stream.delta(T.CDS);
    const sent = Array.from({ length: 20 }, (_, index) => stream.publish(T.CDS, { a: String(index + 1) }).length);
    expect(sent.reduce((sum, count) => sum + count)).toBe(1);
    expect(stream.delta(T.CDS, { responseNonce: stream.nonce })).toMatchObject([{ resources: ["a=v20"] }]);
  });

  test.each([
    { name: "too many types", rules: { maxTypes: 1 }, ask: [T.CDS, T.LDS], names: ["a"] },
    { name: "too many names", rules: { maxNames: 3 }, ask: [T.CDS], names: ["a", "b", "c", "d"] },
  ])("F4: $name end the stream with RESOURCE_EXHAUSTED", ({ rules, ask, names }) => {
    const stream = new ServerStream("delta", rules);
    for (const typeUrl of ask) stream.delta(typeUrl, { subscribe: names });
    expect(closing(stream)).toMatchObject({ code: 8 });
  });

  test("F4: names that add up over requests count together", () => {
    const stream = new ServerStream("delta", { maxNames: 3 });
    for (const name of ["a", "b", "c"]) stream.delta(T.CDS, { subscribe: [name] });
    expect(closing(stream)).toBeUndefined();
    stream.delta(T.CDS, { subscribe: ["d"] });
    expect(closing(stream)).toMatchObject({ code: 8 });
  });
});

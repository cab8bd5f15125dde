import { describe, expect, test } from "vitest";
import { createView } from "../../../packages/xds/src/view.js";
import { opaque, plainDigest, T } from "../opaque.js";
import { ServerStream } from "./stream.js";

const VARIANTS = [{ variant: "sotw" }, { variant: "delta" }] as const;

/** A client that has cluster and endpoints `old`, listener `l` and route `r`, and has acknowledged them. */
function settled(variant: "sotw" | "delta"): ServerStream {
  const stream = new ServerStream(variant);
  stream.set(T.CDS, { old: "1" });
  stream.set(T.EDS, { old: "1", new: "1" });
  stream.set(T.LDS, { l: "1" });
  stream.set(T.RDS, { r: "to-old" });
  for (const [typeUrl, names] of [
    [T.CDS, []],
    [T.EDS, ["old"]],
    [T.LDS, []],
    [T.RDS, ["r"]],
  ] as const) {
    ask(stream, typeUrl, names);
    ack(stream, typeUrl, names);
  }
  return stream;
}

function ask(stream: ServerStream, typeUrl: string, names: readonly string[]) {
  return stream.session.variant === "sotw" ? stream.sotw(typeUrl, names) : stream.delta(typeUrl, { subscribe: names });
}

function ack(stream: ServerStream, typeUrl: string, names: readonly string[], fields = {}) {
  const responseNonce = stream.session.types.get(typeUrl)?.lastNonce ?? "";
  return stream.session.variant === "sotw"
    ? stream.sotw(typeUrl, names, { responseNonce, ...fields })
    : stream.delta(typeUrl, { responseNonce, ...fields });
}

function types(sent: readonly { readonly typeUrl: string }[]): readonly string[] {
  return sent.map(({ typeUrl }) => typeUrl);
}

describe.each(VARIANTS)("server, make before break, $variant", ({ variant }) => {
  test("O1: types are pushed in the order in which they refer to each other", () => {
    const stream = settled(variant);
    stream.set(T.CDS, { old: "2" });
    stream.set(T.EDS, { old: "2" });
    expect(types(stream.flush([T.RDS, T.LDS, T.EDS, T.CDS]))).toEqual([T.CDS, T.EDS]);
  });

  test("O2: a route to a new cluster waits until the cluster and its endpoints are acknowledged", () => {
    const stream = settled(variant);
    stream.set(T.CDS, { old: "1", new: "1" });
    stream.set(T.RDS, { r: "to-new" });
    expect(types(stream.flush([T.RDS, T.CDS]))).toEqual([T.CDS]);
    expect(types(ack(stream, T.CDS, []))).toEqual([]);
    const endpoints = variant === "sotw" ? ["old", "new"] : ["new"];
    const responseNonce = stream.session.types.get(T.EDS)?.lastNonce ?? "";
    const sent = variant === "sotw" ? stream.sotw(T.EDS, endpoints, { responseNonce }) : ask(stream, T.EDS, endpoints);
    expect(types(sent)).toEqual([T.EDS]);
    const routes = ack(stream, T.EDS, ["old", "new"]);
    expect(routes).toMatchObject([{ typeUrl: T.RDS, resources: ["r=vto-new"] }]);
  });

  test("O2: a cluster goes only after the route that left it is acknowledged", () => {
    const stream = settled(variant);
    stream.set(T.CDS, { new: "1" });
    stream.set(T.EDS, { new: "1" });
    stream.set(T.RDS, { r: "to-new" });
    const first = stream.flush([T.CDS, T.EDS, T.RDS]);
    expect(first[0]).toMatchObject({ typeUrl: T.CDS, removed: [] });
    expect(first[0]?.resources).toContain("new=v1");
    expect(first[0]?.resources.includes("old=v1")).toBe(variant === "sotw");
    ack(stream, T.CDS, []);
    const responseNonce = stream.session.types.get(T.EDS)?.lastNonce ?? "";
    if (variant === "sotw") stream.sotw(T.EDS, ["old", "new"], { responseNonce });
    else ask(stream, T.EDS, ["new"]);
    expect(types(ack(stream, T.EDS, ["old", "new"]))).toEqual([T.RDS]);
    const last = ack(stream, T.RDS, ["r"]).find(({ typeUrl }) => typeUrl === T.CDS);
    expect(last).toMatchObject(variant === "sotw" ? { resources: ["new=v1"] } : { resources: [], removed: ["old"] });
  });

  test("O2: a cluster stays while the route that would leave it is refused", () => {
    const stream = settled(variant);
    stream.set(T.CDS, {});
    stream.set(T.RDS, { r: "broken" });
    const sent = stream.flush([T.CDS, T.RDS]);
    expect(types(sent)).toEqual([T.RDS]);
    ack(stream, T.RDS, ["r"], { errorDetail: { code: 3, message: "no" } });
    stream.now += 60_000;
    expect(types(stream.flush([T.CDS]))).toEqual([]);
    stream.set(T.RDS, { r: "fixed" });
    stream.flush([T.RDS]);
    expect(types(ack(stream, T.RDS, ["r"]))).toEqual([T.CDS]);
  });

  test("O2: a route that leads to nothing under way does not wait for it", () => {
    const stream = settled(variant);
    stream.set(T.EDS, { old: "2", new: "1" });
    stream.flush([T.EDS]);
    const to = (content: string, ...clusters: readonly string[]) => {
      const references = clusters.map((name) => ({ typeUrl: T.CDS, name, path: "" }));
      return createView(T.RDS, new Map([["r", opaque(T.RDS, "r", content, { references })]]), plainDigest);
    };
    stream.setView(to("old", "old"));
    expect(types(stream.flush([T.RDS]))).toEqual([]);
    stream.setView(to("nowhere"));
    expect(stream.flush([T.RDS])).toMatchObject([{ typeUrl: T.RDS, resources: ["r=vnowhere"] }]);
  });

  test("O3: waiting ends after the bound although nothing was acknowledged", () => {
    const stream = settled(variant);
    stream.set(T.CDS, { old: "1", new: "1" });
    stream.set(T.RDS, { r: "to-new" });
    stream.flush([T.CDS, T.RDS]);
    stream.now += 4999;
    expect(types(stream.flush([T.RDS]))).toEqual([]);
    stream.now += 1;
    expect(types(stream.flush([T.RDS]))).toEqual([T.RDS]);
  });

  test("O3: a refused cluster does not hold the route back", () => {
    const stream = settled(variant);
    stream.set(T.CDS, { old: "2" });
    stream.set(T.RDS, { r: "new" });
    stream.flush([T.CDS, T.RDS]);
    ack(stream, T.EDS, ["old"]);
    const sent = ack(stream, T.CDS, [], { errorDetail: { code: 3, message: "no" } });
    expect(types(sent)).toEqual([T.RDS]);
  });

  test("O2: what a client asks for is answered at once, whatever else is on its way", () => {
    const stream = settled(variant);
    stream.publish(T.CDS, { old: "2" });
    stream.set(T.RDS, { r: "to-old", s: "1" });
    const responseNonce = stream.session.types.get(T.RDS)?.lastNonce ?? "";
    const sent = variant === "sotw" ? stream.sotw(T.RDS, ["r", "s"], { responseNonce }) : ask(stream, T.RDS, ["s"]);
    expect(sent).toMatchObject([{ typeUrl: T.RDS, resources: ["s=v1"] }]);
  });
});

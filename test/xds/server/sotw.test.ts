import { describe, expect, test } from "vitest";
import { T } from "../opaque.js";
import { ServerStream } from "./stream.js";

const NACK = { errorDetail: { code: 3, message: "no" } };

function resources(sent: readonly { readonly resources: readonly string[] }[]): readonly (readonly string[])[] {
  return sent.map((response) => response.resources);
}

describe("server, state of the world", () => {
  test("S1: a wildcard client that comes back with the current version is sent nothing", () => {
    const first = new ServerStream("sotw");
    first.set(T.CDS, { a: "1" });
    const version = first.sotw(T.CDS, [])[0]?.version ?? "";
    const second = new ServerStream("sotw");
    second.set(T.CDS, { a: "1" });
    expect(second.sotw(T.CDS, [], { versionInfo: version })).toEqual([]);
    expect(resources(second.publish(T.CDS, { a: "2" }))).toEqual([["a=v2"]]);
  });

  test("S1: a client that names what it wants is answered whatever version it claims", () => {
    const first = new ServerStream("sotw");
    first.set(T.EDS, { a: "1" });
    const version = first.sotw(T.EDS, ["a"])[0]?.version ?? "";
    const second = new ServerStream("sotw");
    second.set(T.EDS, { a: "1" });
    expect(resources(second.sotw(T.EDS, ["a"], { versionInfo: version }))).toEqual([["a=v1"]]);
  });

  test("S2: a changed version without error_detail is not a NACK, and error_detail at the same version is one", () => {
    const stream = new ServerStream("sotw");
    stream.set(T.EDS, { a: "1", b: "1" });
    stream.sotw(T.EDS, ["a"]);
    // Adding a name before the first version was accepted: the version is still empty, and it is an ACK all the same.
    stream.sotw(T.EDS, ["a", "b"], { responseNonce: stream.nonce, versionInfo: "" });
    expect(stream.effects.map(({ kind }) => kind)).toEqual(["ack", "dirty"]);
    const { sentVersion = "" } = stream.session.types.get(T.EDS) ?? {};
    stream.sotw(T.EDS, ["a", "b"], { responseNonce: stream.nonce, versionInfo: sentVersion, ...NACK });
    expect(stream.effects.map(({ kind }) => kind)).toEqual(["nack", "dirty"]);
  });

  test.each([
    { type: "CDS", names: [] },
    { type: "EDS", names: ["a"] },
  ] as const)("S3: rejected $type content is not sent again until it changes", ({ type, names }) => {
    const stream = new ServerStream("sotw");
    stream.set(T[type], { a: "bad" });
    stream.sotw(T[type], names);
    expect(stream.sotw(T[type], names, { responseNonce: stream.nonce, ...NACK })).toEqual([]);
    expect(stream.flush([T[type]])).toEqual([]);
    expect(resources(stream.publish(T[type], { a: "good" }))).toEqual([["a=vgood"]]);
  });

  test("S3: a snapshot that advanced before the NACK came is sent at once", () => {
    const stream = new ServerStream("sotw");
    stream.set(T.CDS, { a: "bad" });
    stream.sotw(T.CDS, []);
    stream.set(T.CDS, { a: "good" });
    expect(resources(stream.sotw(T.CDS, [], { responseNonce: stream.nonce, ...NACK }))).toEqual([["a=vgood"]]);
  });

  test("S4: a stale nonce is neither ACK nor NACK and is not answered; its names are, with the next answer", () => {
    const stream = new ServerStream("sotw");
    stream.set(T.EDS, { a: "1", b: "1" });
    stream.sotw(T.EDS, ["a"]);
    const stale = stream.nonce;
    stream.publish(T.EDS, { a: "2", b: "1" });
    expect(stream.sotw(T.EDS, ["a", "b"], { responseNonce: stale })).toEqual([]);
    expect(stream.effects).toEqual([]);
    expect(resources(stream.sotw(T.EDS, ["a", "b"], { responseNonce: stream.nonce }))).toEqual([["b=v1"]]);
  });

  test("S4: a name dropped and taken back around a stale request is sent again", () => {
    const stream = new ServerStream("sotw");
    stream.set(T.EDS, { a: "1", b: "1" });
    stream.sotw(T.EDS, ["a", "b"]);
    const stale = stream.nonce;
    stream.publish(T.EDS, { a: "2", b: "1" });
    expect(stream.sotw(T.EDS, ["a"], { responseNonce: stale })).toEqual([]);
    expect(resources(stream.sotw(T.EDS, ["a", "b"], { responseNonce: stream.nonce }))).toEqual([["b=v1"]]);
  });

  test("S4: an ACK with another type's nonce is stale", () => {
    const stream = new ServerStream("sotw");
    stream.set(T.CDS, { a: "1" });
    stream.set(T.LDS, { l: "1" });
    stream.sotw(T.CDS, []);
    stream.sotw(T.LDS, []);
    expect(stream.sotw(T.CDS, [], { responseNonce: stream.nonce })).toEqual([]);
    expect(stream.effects).toEqual([]);
  });

  test("S4: an empty nonce after a response begins anew and is answered in full", () => {
    const stream = new ServerStream("sotw");
    stream.set(T.EDS, { a: "1", b: "1" });
    stream.sotw(T.EDS, ["a"]);
    expect(resources(stream.sotw(T.EDS, ["a", "b"]))).toEqual([["a=v1", "b=v1"]]);
  });

  test("S5: added names are answered although nothing changed, removed ones are not", () => {
    const stream = new ServerStream("sotw");
    stream.set(T.EDS, { a: "1", b: "1" });
    stream.sotw(T.EDS, ["a"]);
    expect(resources(stream.sotw(T.EDS, ["a", "b"], { responseNonce: stream.nonce }))).toEqual([["b=v1"]]);
    expect(stream.sotw(T.EDS, ["b"], { responseNonce: stream.nonce })).toEqual([]);
  });

  test("S5: a name that was dropped and comes back is sent again", () => {
    const stream = new ServerStream("sotw");
    stream.set(T.EDS, { a: "1", b: "1" });
    stream.sotw(T.EDS, ["a", "b"]);
    stream.sotw(T.EDS, ["b"], { responseNonce: stream.nonce });
    expect(resources(stream.sotw(T.EDS, ["a", "b"], { responseNonce: stream.nonce }))).toEqual([["a=v1"]]);
  });

  test("S6: listeners and clusters are always the full set, an empty one included", () => {
    const stream = new ServerStream("sotw");
    stream.set(T.LDS, { a: "1", b: "1" });
    stream.sotw(T.LDS, []);
    expect(resources(stream.publish(T.LDS, { a: "2", b: "1" }))).toEqual([["a=v2", "b=v1"]]);
    expect(resources(stream.publish(T.LDS, {}))).toEqual([[]]);
  });

  test("S6: other types are sent piecewise, and a deletion is not sent", () => {
    const stream = new ServerStream("sotw");
    stream.set(T.RDS, { a: "1", b: "1" });
    stream.sotw(T.RDS, ["a", "b"]);
    expect(resources(stream.publish(T.RDS, { a: "2", b: "1" }))).toEqual([["a=v2"]]);
    expect(stream.publish(T.RDS, { a: "2" })).toEqual([]);
    expect(resources(stream.publish(T.RDS, { a: "2", b: "1" }))).toEqual([["b=v1"]]);
  });

  test("S7: an empty list is everything until something was named, and nothing afterwards", () => {
    const stream = new ServerStream("sotw");
    stream.set(T.CDS, { a: "1", b: "1" });
    expect(resources(stream.sotw(T.CDS, []))).toEqual([["a=v1", "b=v1"]]);
    stream.sotw(T.CDS, ["a"], { responseNonce: stream.nonce });
    stream.sotw(T.CDS, [], { responseNonce: stream.nonce });
    expect(stream.publish(T.CDS, { a: "2", b: "2" })).toEqual([]);
  });

  test("S7: * beside a name is everything, and dropping * keeps the name", () => {
    const stream = new ServerStream("sotw");
    stream.set(T.CDS, { a: "1", b: "1" });
    expect(resources(stream.sotw(T.CDS, ["*", "a"]))).toEqual([["a=v1", "b=v1"]]);
    stream.sotw(T.CDS, ["a"], { responseNonce: stream.nonce });
    expect(resources(stream.publish(T.CDS, { a: "2", b: "2" }))).toEqual([["a=v2"]]);
  });

  test("S7: one empty name unsubscribes from all", () => {
    const stream = new ServerStream("sotw");
    stream.set(T.CDS, { a: "1" });
    stream.sotw(T.CDS, []);
    expect(stream.sotw(T.CDS, [""], { responseNonce: stream.nonce })).toEqual([]);
    expect(stream.publish(T.CDS, { a: "2" })).toEqual([]);
  });

  test("S7: types that are subscribed by name have no legacy wildcard", () => {
    const stream = new ServerStream("sotw");
    stream.set(T.EDS, { a: "1" });
    expect(stream.sotw(T.EDS, [])).toEqual([]);
  });

  test("S8: names that do not exist yet are remembered and pushed when they appear", () => {
    const stream = new ServerStream("sotw");
    stream.set(T.RDS, { a: "1" });
    expect(resources(stream.sotw(T.RDS, ["a", "later"]))).toEqual([["a=v1"]]);
    expect(resources(stream.publish(T.RDS, { a: "1", later: "1" }))).toEqual([["later=v1"]]);
  });

  test("D9: after a NACK that names no resource, a change of one sends the whole refused response again", () => {
    const stream = new ServerStream("sotw");
    stream.set(T.EDS, { a: "1", b: "1" });
    stream.sotw(T.EDS, ["a", "b"]);
    stream.sotw(T.EDS, ["a", "b"], { responseNonce: stream.nonce, ...NACK });
    expect(resources(stream.publish(T.EDS, { a: "1", b: "2" }))).toEqual([["a=v1", "b=v2"]]);
  });

  test("O4: endpoints are sent again after their cluster changed, and only those", () => {
    const stream = new ServerStream("sotw");
    stream.set(T.CDS, { a: "1", b: "1" });
    stream.set(T.EDS, { a: "1", b: "1" });
    stream.sotw(T.CDS, []);
    stream.sotw(T.EDS, ["a", "b"]);
    stream.sotw(T.EDS, ["a", "b"], { responseNonce: stream.nonce });
    const sent = stream.publish(T.CDS, { a: "2", b: "1" });
    expect(sent.map(({ typeUrl }) => typeUrl)).toEqual([T.CDS, T.EDS]);
    expect(resources(sent)).toEqual([["a=v2", "b=v1"], ["a=v1"]]);
  });

  test("S4: a late refusal is answered by nothing, but what it names and was not replaced is not held", () => {
    const stream = new ServerStream("sotw");
    stream.set(T.EDS, { a: "1", b: "1" });
    stream.sotw(T.EDS, ["a", "b"]);
    const first = stream.nonce;
    stream.publish(T.EDS, { a: "1", b: "2" });
    const errorDetail = { code: 3, message: "a: it is bad; b: it is bad" };
    expect(stream.sotw(T.EDS, ["a", "b"], { responseNonce: first, errorDetail })).toEqual([]);
    const type = stream.session.types.get(T.EDS);
    expect([...(type?.suspects ?? [])]).toEqual(["a"]);
    expect(type?.nack?.nonce).toBe(first);
    expect(stream.publish(T.EDS, { a: "3", b: "2" })).toMatchObject([{ resources: ["a=v3"] }]);
  });
});

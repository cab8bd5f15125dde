import { describe, expect, test } from "vitest";
import { decodeDeltaRequest, decodeSotwRequest } from "../../../packages/xds/src/wire/request.js";
import { encodeStatus } from "../../../packages/xds/src/wire/status.js";
import { Writer } from "../../../packages/xds/src/wire/writer.js";
import { T } from "../opaque.js";
import { type Sent, ServerStream } from "./stream.js";

const VARIANTS = [{ variant: "sotw" }, { variant: "delta" }] as const;

const REFUSAL = { code: 3, message: "no" };

describe.each(VARIANTS)("server, rules of both variants, $variant", ({ variant }) => {
  /** Asks for further names of a type; in state of the world a request lists all of them. */
  function ask(stream: ServerStream, typeUrl: string, names: readonly string[], further = names): readonly Sent[] {
    const responseNonce = stream.session.types.get(typeUrl)?.lastNonce ?? "";
    if (variant === "sotw") return stream.sotw(typeUrl, names, { responseNonce });
    return stream.delta(typeUrl, { subscribe: further, responseNonce });
  }

  /** Answers the last response. */
  function answer(stream: ServerStream, typeUrl: string, names: readonly string[], refused: boolean): readonly Sent[] {
    const responseNonce = stream.nonce;
    const fields = { responseNonce, ...(refused ? { errorDetail: REFUSAL } : {}) };
    return variant === "sotw" ? stream.sotw(typeUrl, names, fields) : stream.delta(typeUrl, fields);
  }

  test("V5: each type of an aggregated stream has its own nonce, version and subscription", () => {
    const stream = new ServerStream(variant);
    stream.set(T.EDS, { a: "1", b: "1" }, "e");
    stream.set(T.RDS, { a: "2", b: "2" }, "r");
    const [endpoints] = ask(stream, T.EDS, ["a"]);
    const [routes] = ask(stream, T.RDS, ["b"]);
    expect(endpoints).toMatchObject({ typeUrl: T.EDS, version: "e", resources: ["a=v1"] });
    expect(routes).toMatchObject({ typeUrl: T.RDS, version: "r", resources: ["b=v2"] });
    expect(routes?.nonce).not.toBe(endpoints?.nonce);
  });

  test("V5: a stream of one type implies it, and refuses another", () => {
    const stream = new ServerStream(variant, {}, T.CDS);
    stream.set(T.CDS, { a: "1" });
    expect(ask(stream, "", [])).toMatchObject([{ typeUrl: T.CDS, resources: ["a=v1"] }]);
    ask(stream, T.LDS, []);
    expect(stream.effects).toMatchObject([{ kind: "close", code: 3 }]);
  });

  test("V6: the node of the first request is kept", () => {
    const stream = new ServerStream(variant);
    ask(stream, T.CDS, ["a"]);
    const node = { id: "another", cluster: "c" };
    if (variant === "sotw") stream.sotw(T.CDS, ["a"], { node });
    else stream.delta(T.CDS, { node });
    expect(stream.session.node?.id).toBe("n");
  });

  test("S2, D5: error_detail is a NACK, and without it an answer is an ACK", () => {
    const stream = new ServerStream(variant);
    ask(stream, T.EDS, ["a"]);
    stream.publish(T.EDS, { a: "1" }, "one");
    answer(stream, T.EDS, ["a"], false);
    expect(stream.effects).toMatchObject([{ kind: "ack", version: "one" }]);
    stream.publish(T.EDS, { a: "2" }, "two");
    answer(stream, T.EDS, ["a"], true);
    expect(stream.effects[0]).toMatchObject({ kind: "nack", nack: { version: "two", code: 3 } });
  });

  test("S3, D9: what was refused is not sent again until it changes", () => {
    const stream = new ServerStream(variant);
    ask(stream, T.EDS, ["a"]);
    stream.publish(T.EDS, { a: "1" });
    expect(answer(stream, T.EDS, ["a"], true)).toEqual([]);
    expect(stream.flush([T.EDS])).toEqual([]);
    expect(stream.publish(T.EDS, { a: "2" })).toMatchObject([{ resources: ["a=v2"] }]);
  });

  test("S3, D9: a fix that came before the refusal is sent at once", () => {
    const stream = new ServerStream(variant);
    ask(stream, T.EDS, ["a"]);
    stream.publish(T.EDS, { a: "1" });
    stream.set(T.EDS, { a: "2" });
    expect(answer(stream, T.EDS, ["a"], true)).toMatchObject([{ resources: ["a=v2"] }]);
  });

  test("S5, D3: a name that joins is answered although nothing changed", () => {
    const stream = new ServerStream(variant);
    stream.set(T.EDS, { a: "1", b: "1" });
    ask(stream, T.EDS, ["a"]);
    answer(stream, T.EDS, ["a"], false);
    expect(ask(stream, T.EDS, ["a", "b"], ["b"])).toMatchObject([{ resources: ["b=v1"] }]);
  });

  test("S8, D8: a name that does not exist is remembered and pushed when it appears", () => {
    const stream = new ServerStream(variant);
    stream.set(T.EDS, {});
    ask(stream, T.EDS, ["a"]);
    expect(stream.publish(T.EDS, { a: "1" })).toMatchObject([{ resources: ["a=v1"] }]);
  });

  test("D4, O4: endpoints follow their cluster when it changes", () => {
    const stream = new ServerStream(variant);
    stream.set(T.CDS, { a: "1" });
    stream.set(T.EDS, { a: "1" });
    ask(stream, T.CDS, ["a"]);
    ask(stream, T.EDS, ["a"]);
    expect(stream.publish(T.CDS, { a: "2" })).toMatchObject([
      { typeUrl: T.CDS, resources: ["a=v2"] },
      { typeUrl: T.EDS, resources: ["a=v1"] },
    ]);
  });

  test("E6: of a refusal's message no more than 4,096 characters are kept", () => {
    const status = new Writer().uint(1, 3).string(2, "x".repeat(100_000)).finish();
    const field = variant === "sotw" ? 6 : 7;
    const bytes = new Writer().bytes(field, status).finish();
    const decode = variant === "sotw" ? decodeSotwRequest : decodeDeltaRequest;
    const { errorDetail } = decode(bytes, { maxNames: 1, maxNameLength: 10 });
    expect(errorDetail?.code).toBe(3);
    expect(errorDetail?.message).toHaveLength(4096);
  });
});

test("E6: of a refusal's message no more than 4,096 characters are sent", () => {
  const sent = encodeStatus({ code: 3, message: "x".repeat(100_000) });
  expect(sent.length).toBe(encodeStatus({ code: 3, message: "x".repeat(4096) }).length);
});

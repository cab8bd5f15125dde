import { describe, expect, test } from "vitest";
import type { DeltaRequest, SotwRequest } from "../../../packages/xds/src/wire/request.js";
import { T } from "../opaque.js";
import { ClientHarness } from "./stream.js";

const VARIANTS = [{ variant: "sotw" }, { variant: "delta" }] as const;

describe.each(VARIANTS)("client, rules of both variants, $variant", ({ variant }) => {
  function connected(wants: Readonly<Record<string, readonly string[]>>): ClientHarness {
    const client = new ClientHarness(variant);
    for (const [typeUrl, names] of Object.entries(wants)) client.want(typeUrl, ...names);
    client.connect();
    return client;
  }

  /** The only request of the last event. */
  function request(client: ClientHarness): SotwRequest | DeltaRequest | undefined {
    const requests = [...client.sotw, ...client.delta];
    expect(requests).toHaveLength(1);
    return requests[0];
  }

  test("V5: each type is answered under its own nonce", () => {
    const client = connected({ [T.CDS]: ["*"], [T.EDS]: ["e"] });
    const clusters = client.respond(T.CDS, { a: "1" });
    expect(request(client)).toMatchObject({ typeUrl: T.CDS, responseNonce: clusters });
    const endpoints = client.respond(T.EDS, { e: "1" });
    expect(request(client)).toMatchObject({ typeUrl: T.EDS, responseNonce: endpoints });
    const again = client.respond(T.CDS, { a: "2" });
    expect(request(client)).toMatchObject({ typeUrl: T.CDS, responseNonce: again });
  });

  test("S2, D5: a refusal is an answer with error_detail, an acceptance one without", () => {
    const client = connected({ [T.EDS]: ["a"] });
    const good = client.respond(T.EDS, { a: "1" });
    expect(request(client)).toMatchObject({ responseNonce: good });
    expect(request(client)?.errorDetail).toBeUndefined();
    const bad = client.respond(T.EDS, { a: "bad" });
    expect(request(client)).toMatchObject({ responseNonce: bad, errorDetail: { code: 3 } });
    expect(client.held(T.EDS)).toEqual({ a: "1" });
  });

  test("S8, D8: a name that was known not to exist is taken when it appears", () => {
    const client = connected({ [T.EDS]: ["a"] });
    client.advance(15_000);
    expect(client.entry(T.EDS, "a")?.status).toBe("timeout");
    client.respond(T.EDS, { a: "1" });
    expect(client.entry(T.EDS, "a")?.status).toBe("acked");
    expect(client.held(T.EDS)).toEqual({ a: "1" });
  });
});

describe("client, delta only", () => {
  test("D8: a removed name is known not to exist without waiting for the timer, and taken when it appears", () => {
    const client = new ClientHarness("delta");
    client.want(T.EDS, "a");
    client.connect();
    client.respond(T.EDS, {}, { removed: ["a"] });
    expect(client.entry(T.EDS, "a")?.status).toBe("does-not-exist");
    client.respond(T.EDS, { a: "1" });
    expect(client.held(T.EDS)).toEqual({ a: "1" });
  });
});

import { generateKeyPairSync, sign } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { jwksSource, parseJwks, verifyUserJwt } from "@weftmesh/cert";
import { afterEach, describe, expect, test } from "vitest";
import { initialJwks, stepJwks } from "../../packages/cert/src/jwks.js";
import { cleanUp, undo } from "./tls-ends.js";

afterEach(cleanUp);

const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
const jwk = pair.publicKey.export({ format: "jwk" });

describe("a set of keys", () => {
  test("is read; what is for encryption, unknown or broken is passed over", () => {
    const skipped: string[] = [];
    const keys = [
      { ...jwk, kid: "a", use: "sig" },
      { ...jwk },
      { ...jwk, kid: "enc", use: "enc" },
      { kty: "oct", k: "c2VjcmV0", kid: "symmetric" },
      { ...jwk, kid: "off the curve", y: jwk.x },
      7,
      { ...pair.privateKey.export({ format: "jwk" }), kid: "private" },
    ];
    const read = parseJwks(JSON.stringify({ keys }), ({ path }) => skipped.push(path));
    expect(read.map(({ keyId }) => keyId)).toEqual(["a", "", "private"]);
    expect(JSON.stringify(read)).not.toContain('"d"');
    expect(skipped).toEqual(["jwks.keys[4]"]);
  });

  test.each(["", "[]", "{}", '{"keys":{}}', "<html>"])("%j is none", (text) => {
    expect(() => parseJwks(text)).toThrow(expect.objectContaining({ code: "ERR_CERT_JWKS" }));
  });

  test("a key without ID answers to every name", () => {
    const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const signed = `${encode({ alg: "ES256", kid: "any" })}.${encode({ sub: "somebody" })}`;
    const signature = sign("sha256", Buffer.from(signed), { key: pair.privateKey, dsaEncoding: "ieee-p1363" });
    const keys = parseJwks(JSON.stringify({ keys: [jwk] }));
    const outcome = verifyUserJwt(`${signed}.${signature.toString("base64url")}`, { keys }, 0);
    expect(outcome.kind).toBe("accepted");
  });
});

describe("fetched keys", () => {
  const policy = { cacheMs: 600_000, failedRefetchMs: 1000 };
  const keys = parseJwks(JSON.stringify({ keys: [{ ...jwk, kid: "a" }] }));

  test("are asked for again five seconds before they are over, and kept while that fails", () => {
    const fresh = stepJwks(initialJwks, { kind: "fetched", keys }, policy, 10_000);
    expect(fresh).toEqual({ keys, fetchedAt: 10_000, failures: 0, nextAt: 605_000 });
    const failed = stepJwks(fresh, { kind: "failed" }, policy, 605_000);
    expect(failed).toEqual({ keys, fetchedAt: 10_000, failures: 1, nextAt: 606_000 });
    expect(stepJwks(failed, { kind: "fetched", keys: [] }, policy, 606_000)).toMatchObject({ keys: [], failures: 0 });
  });

  async function issuer() {
    const answers: { status: number; body: string; location?: string }[] = [];
    const server = createServer((_request, response) => {
      const { status, body, location } = answers.shift() ?? { status: 503, body: "" };
      response.writeHead(status, location === undefined ? {} : { location }).end(body);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    undo(() => {
      server.closeAllConnections();
      server.close();
    });
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`, answers };
  }

  test("follow the issuer, through failures", async () => {
    const { url, answers } = await issuer();
    const body = (kid: string): string => JSON.stringify({ keys: [{ ...jwk, kid }] });
    answers.push(
      { status: 500, body: "" },
      { status: 200, body: body("one") },
      { status: 200, body: "no keys" },
      { status: 200, body: "x".repeat(1024 * 1024 + 1) },
      { status: 302, body: "", location: "http://127.0.0.1:1/" },
      { status: 200, body: body("two") },
    );
    const failures: unknown[] = [];
    const onFailure = (error: unknown): unknown => failures.push(error);
    const source = jwksSource({ url, cacheMs: 20, failedRefetchMs: 5, onFailure });
    undo(() => source[Symbol.dispose]());
    expect(source.keys()).toEqual([]);
    await source.ready();
    expect(source.keys().map(({ keyId }) => keyId)).toEqual(["one"]);
    await expect.poll(() => source.keys()[0]?.keyId, { timeout: 5000 }).toBe("two");
    expect(failures.length).toBeGreaterThanOrEqual(4);
    expect(failures.slice(0, 3)).toMatchObject(Array(3).fill({ code: "ERR_CERT_JWKS" }));
  });

  test("keep nobody waiting once they are given up", async () => {
    const { url } = await issuer();
    const source = jwksSource({ url });
    const waiting = source.ready();
    source[Symbol.dispose]();
    source[Symbol.dispose]();
    const over = expect.objectContaining({ code: "ERR_CERT_JWKS" });
    await expect(waiting).rejects.toThrow(over);
    await expect(source.ready()).rejects.toThrow(over);
  });

  test.each(["http://issuer.test/keys", "https://user@issuer.test/", "file:///etc/passwd", "keys"])(
    "are not fetched from %s",
    (url) => {
      expect(() => jwksSource({ url })).toThrow(expect.objectContaining({ code: "ERR_CERT_JWKS" }));
    },
  );
});

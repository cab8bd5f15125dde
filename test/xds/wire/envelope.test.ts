import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { XdsError } from "../../../packages/xds/src/errors.js";
import {
  decodeDeltaRequest,
  decodeSotwRequest,
  encodeDeltaRequest,
  encodeSotwRequest,
  LimitExceeded,
} from "../../../packages/xds/src/wire/request.js";
import {
  decodeDeltaResponse,
  decodeSotwResponse,
  encodeDeltaResponse,
  encodeSotwResponse,
} from "../../../packages/xds/src/wire/response.js";
import { Writer } from "../../../packages/xds/src/wire/writer.js";
import { opaque, T } from "../opaque.js";

const LIMITS = { maxNames: 100, maxNameLength: 200 };
const SEED = { seed: 7, numRuns: 200 };

describe("wire", () => {
  test("requests of both variants survive a round trip", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 30 });
    const names = fc.array(text, { maxLength: 5 });
    const status = fc.record({ code: fc.nat(16), message: text });
    fc.assert(
      fc.property(text, names, text, fc.option(status, { nil: undefined }), (version, list, nonce, detail) => {
        const error = detail === undefined ? {} : { errorDetail: detail };
        const sotw = { versionInfo: version, resourceNames: list, typeUrl: T.CDS, responseNonce: nonce, ...error };
        expect(decodeSotwRequest(encodeSotwRequest(sotw, undefined), LIMITS)).toEqual(sotw);
        const delta = {
          typeUrl: T.CDS,
          subscribe: list,
          unsubscribe: [version],
          initialResourceVersions: new Map(list.map((name) => [name, nonce])),
          responseNonce: nonce,
          ...error,
        };
        expect(decodeDeltaRequest(encodeDeltaRequest(delta, undefined), LIMITS)).toEqual(delta);
      }),
      SEED,
    );
  });

  test("responses of both variants carry the shared bytes unchanged", () => {
    const resources = [opaque(T.CDS, "ä", "1"), opaque(T.CDS, "b", "x".repeat(300), { ttlMs: 1500, aliases: ["c"] })];
    const response = { version: "7", typeUrl: T.CDS, nonce: "9", resources, removed: ["gone"] };
    const delta = decodeDeltaResponse(encodeDeltaResponse(response));
    expect(delta).toMatchObject({ version: "7", typeUrl: T.CDS, nonce: "9", removed: ["gone"], errors: [] });
    expect(delta.resources).toMatchObject([
      { name: "ä", version: "v1", value: resources[0]?.value },
      { name: "b", value: resources[1]?.value, ttlMs: 1500, aliases: ["c"] },
    ]);
    const sotw = decodeSotwResponse(encodeSotwResponse(response, false));
    expect(sotw.resources.map(({ typeUrl, value }) => ({ typeUrl, value }))).toEqual(
      resources.map(({ typeUrl, value }) => ({ typeUrl, value })),
    );
  });

  test("S12: in state of the world a time to live needs the wrapper, whose name wins", () => {
    const resources = [opaque(T.EDS, "a", "1", { ttlMs: 2000 })];
    const response = { version: "7", typeUrl: T.EDS, nonce: "9", resources, removed: [] };
    expect(decodeSotwResponse(encodeSotwResponse(response, true)).resources).toMatchObject([
      { name: "a", ttlMs: 2000, typeUrl: T.EDS },
    ]);
    expect(decodeSotwResponse(encodeSotwResponse(response, false)).resources).toMatchObject([{ name: "" }]);
  });

  test("F4: a request of too many names is told apart from garbage", () => {
    const resourceNames = Array.from({ length: 101 }, (_, index) => `n${index}`);
    const request = { versionInfo: "", resourceNames, typeUrl: "", responseNonce: "" };
    expect(() => decodeSotwRequest(encodeSotwRequest(request, undefined), LIMITS)).toThrow(LimitExceeded);
    const long = { ...request, resourceNames: ["x".repeat(201)] };
    expect(() => decodeSotwRequest(encodeSotwRequest(long, undefined), LIMITS)).toThrow(LimitExceeded);
  });

  test("garbage is ERR_XDS_WIRE_INVALID and nothing else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        for (const decode of [
          () => decodeSotwRequest(bytes, LIMITS),
          () => decodeDeltaRequest(bytes, LIMITS),
          () => decodeSotwResponse(bytes),
          () => decodeDeltaResponse(bytes),
        ]) {
          try {
            decode();
          } catch (error) {
            expect(error).toBeInstanceOf(XdsError);
            expect((error as XdsError).code).toBe("ERR_XDS_WIRE_INVALID");
          }
        }
      }),
      { seed: 7, numRuns: 2000 },
    );
  });

  test("messages nested without end are refused", () => {
    let value = new Writer().element(3, "deep").finish();
    for (let depth = 0; depth < 5000; depth++) {
      const list = new Writer(value.length + 16).bytes(1, value).finish();
      value = new Writer(list.length + 16).bytes(6, list).finish();
    }
    const entry = new Writer(value.length + 32).element(1, "k").bytes(2, value).finish();
    const struct = new Writer(entry.length + 32).bytes(1, entry).finish();
    const node = new Writer(struct.length + 32).bytes(3, struct).finish();
    const request = new Writer(node.length + 32).bytes(2, node).finish();
    expect(() => decodeSotwRequest(request, LIMITS)).toThrow(/nested deeper/);
  });
});

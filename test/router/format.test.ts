/** Commands of format strings that read the connection, the stream and the cluster. */
import { describe, expect, test } from "vitest";
import { forward, type Setup } from "./forward.js";

describe("format commands", () => {
  const connection = {
    ja3: "j3",
    ja4: "j4",
    tls: {
      presented: true,
      validated: true,
      otherNameSans: ["a", "b"],
      certificate: "-----BEGIN A-----\na+/=\n",
      validFrom: 0,
      validTo: 1_700_000_000_000,
    },
  };
  const header = (value: string, setup: Setup = {}) => {
    const route = { requestHeadersToAdd: [{ header: { key: "x-out", value: `[${value}]` } }] };
    const { headers } = forward({
      ...setup,
      route,
      request: { headers: { "x-request-id": "r-1" }, connection },
    }).request();
    return headers[headers.indexOf("x-out") + 1];
  };

  test.each([
    ["%TLS_JA3_FINGERPRINT%", "j3"],
    ["%TLS_JA4_FINGERPRINT%", "j4"],
    ["%DOWNSTREAM_PEER_OTHERNAME_SAN%", "a,b"],
    ["%DOWNSTREAM_PEER_CERT%", "-----BEGIN%20A-----%0Aa%2B%2F%3D%0A"],
    ["%DOWNSTREAM_PEER_CERT_V_START%", "1970-01-01T00:00:00.000Z"],
    ["%DOWNSTREAM_PEER_CERT_V_END(%Y-%m-%d)%", "2023-11-14"],
    ["%STREAM_ID%", "r-1"],
    ["%TRACE_ID%", ""],
  ])("%s", (format, expected) => {
    expect(header(format)).toBe(`[${expected}]`);
  });

  test("a unique ID is a UUID of the fourth kind, out of the random source", () => {
    expect(header("%UNIQUE_ID%")).toBe("[00000000-0000-4000-8000-000000000000]");
  });

  test("metadata of the cluster", () => {
    const options = { clusterMetadata: (cluster: string) => ({ a: { b: `of ${cluster}` } }) };
    expect(header("%CLUSTER_METADATA(a:b)%", { options })).toBe("[of cart]");
    expect(header("%CLUSTER_METADATA(a:c)%", { options })).toBe("[]");
  });
});

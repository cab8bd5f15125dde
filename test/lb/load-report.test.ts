import { outcomeOfAttempt } from "@weftmesh/lb";
import { OrcaLoadReport } from "@weftmesh/xds-types/xds/data/orca/v3";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeLoadReport, loadReportIn } from "../../packages/lb/src/load-report.js";
import { responseOutcome } from "../../packages/lb/src/response-outcome.js";

const among = (fields: Readonly<Record<string, string>>) => (name: string) => fields[name];
const text = (value: string) => loadReportIn(among({ "endpoint-load-metrics": value }));

const REPORT = { cpuUtilization: 0.3, applicationUtilization: 0.7, rpsFractional: 1000.5, eps: 2 };
const READ = { cpuUtilization: 0.3, applicationUtilization: 0.7, rps: 1000.5, eps: 2 };

describe("load reports", () => {
  test.each([
    {
      name: "text",
      value:
        "TEXT cpu_utilization=0.3, application_utilization=0.7,rps_fractional=1000.5,eps:2,named_metrics.queue=0.5",
    },
    { name: "JSON", value: `JSON ${JSON.stringify({ ...REPORT, namedMetrics: { queue: 0.5 }, memUtilization: 1 })}` },
    {
      name: "bytes",
      value: `BIN ${Buffer.from(OrcaLoadReport.encode({ ...REPORT, namedMetrics: { queue: 0.5 } })).toString("base64")}`,
    },
  ])("as $name", ({ value }) => {
    expect(text(value)).toEqual({ ...READ, namedMetrics: { queue: 0.5 } });
  });

  test("bytes win over text, as in Envoy", () => {
    const bytes = Buffer.from(OrcaLoadReport.encode({ eps: 4 })).toString("base64");
    const fields = { "endpoint-load-metrics-bin": bytes, "endpoint-load-metrics": "TEXT eps=1" };
    expect(loadReportIn(among(fields))).toEqual({ eps: 4, namedMetrics: {} });
  });

  test.each([
    "",
    "TEXT",
    "TEXT ",
    "TEXT cpu_utilization",
    "TEXT cpu_utilization=",
    "TEXT cpu_utilization=inf",
    "TEXT cpu_utilization=NaN",
    "TEXT cpu_utilization=1,cpu_utilization=1",
    "TEXT cpu=1",
    "TEXT constructor=1",
    "TEXT named_metrics.=1",
    "JSON {",
    "JSON 7",
    "BIN ???",
    "BIN CQ==",
    "XML <a/>",
    "cpu_utilization=1",
  ])("%j is none", (value) => {
    expect(text(value)).toBeUndefined();
  });

  test("a name of an object's own is a name like others", () => {
    const report = text("TEXT named_metrics.__proto__=1,named_metrics.constructor=2");
    expect(Object.entries(report?.namedMetrics ?? {})).toEqual([
      ["__proto__", 1],
      ["constructor", 2],
    ]);
  });

  test("bytes are read as the message is written", () => {
    const number = fc.double({ noNaN: true, noDefaultInfinity: true });
    const numbers = fc.dictionary(fc.string(), number, { maxKeys: 4 });
    const reports = fc.record(
      {
        ...{
          cpuUtilization: number,
          memUtilization: number,
          rps: fc.bigInt(0n, 2n ** 64n - 1n),
          rpsFractional: number,
        },
        ...{
          eps: number,
          applicationUtilization: number,
          requestCost: numbers,
          utilization: numbers,
          namedMetrics: numbers,
        },
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(reports, (report) => {
        const read = decodeLoadReport(OrcaLoadReport.encode(report));
        // Zeros are not written.
        expect(read?.cpuUtilization ?? 0).toBeCloseTo(report.cpuUtilization ?? 0, 10);
        expect(read?.rps ?? 0).toBeCloseTo(report.rpsFractional ?? 0, 10);
        expect(read?.eps ?? 0).toBeCloseTo(report.eps ?? 0, 10);
        expect(read?.applicationUtilization ?? 0).toBeCloseTo(report.applicationUtilization ?? 0, 10);
        expect(Object.fromEntries(Object.entries(read?.namedMetrics ?? {}))).toEqual(
          Object.fromEntries(Object.entries(report.namedMetrics ?? {})),
        );
      }),
    );
  });

  test("bytes that are no message are read without a throw", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void decodeLoadReport(bytes)));
    fc.assert(fc.property(fc.string(), (value) => void text(`TEXT ${value}`)));
    fc.assert(fc.property(fc.json(), (value) => void text(`JSON ${value}`)));
  });
});

test("what a response says of its host", () => {
  expect(responseOutcome(503, among({ "retry-after": "7", "x-envoy-degraded": "" }))).toEqual({
    ...{ result: "response", status: 503, retryAfterMs: 7000 },
    ...{ degraded: true, immediateHealthCheckFail: false },
  });
  const date = { "retry-after": "Wed, 21 Oct 2026 07:28:00 GMT", "x-envoy-immediate-health-check-fail": "1" };
  expect(responseOutcome(200, among(date))).toEqual({
    ...{ result: "response", status: 200 },
    ...{ degraded: false, immediateHealthCheckFail: true },
  });
});

test("an attempt's response says the same, whatever stands before it in the list", () => {
  const headers = ["x-a", "x-envoy-degraded", "endpoint-load-metrics", "TEXT eps=1", "x-envoy-degraded", "1"];
  expect(outcomeOfAttempt({ kind: "response", status: 200, headers })).toMatchObject({
    degraded: true,
    load: { eps: 1 },
  });
  expect(outcomeOfAttempt({ kind: "response", status: 200, headers: headers.slice(0, 2) }).degraded).toBe(false);
});

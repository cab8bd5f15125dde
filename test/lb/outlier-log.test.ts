import { type EjectEvent, outlierLogEntry, type UnejectEvent } from "@weftmesh/lb";
import { describe, expect, test } from "vitest";
import { directed } from "./directed.js";

const AT = "2026-11-21T16:01:53.872Z";

/** The log of everything that happened, line by line. */
function linesOf(events: readonly { readonly action: string }[]): string[] {
  return events.map((event) => JSON.stringify(outlierLogEntry(event as EjectEvent | UnejectEvent, AT)));
}

/** A line as Envoy 1.40 wrote it, with the host's name in place of its address. */
const line = (rest: string): string => rest.replace("@", `"timestamp":"2026-11-21T16:01:53.872Z"`);

describe("outlierLogEntry writes what Envoy 1.40 wrote", () => {
  test("of server errors in a row, and of the host's return", () => {
    const { send, tick, events } = directed(1, {
      name: "c",
      outlierDetection: { maxEjectionPercent: 100, consecutive5xx: 3, baseEjectionTimeMs: 2000, intervalMs: 1000 },
    });
    send(0, 503, 3);
    tick(1000);
    tick(1600);
    tick(4000);
    send(0, 500, 3);
    expect(linesOf(events)).toEqual([
      line(
        '{"type":"CONSECUTIVE_5XX",@,"cluster_name":"c","upstream_url":"0:1","action":"EJECT","num_ejections":1,"enforced":true,"eject_consecutive_event":{}}',
      ),
      line(
        '{"type":"CONSECUTIVE_5XX",@,"secs_since_last_action":"2","cluster_name":"c","upstream_url":"0:1","action":"UNEJECT","num_ejections":1,"enforced":false}',
      ),
      line(
        '{"type":"CONSECUTIVE_5XX",@,"secs_since_last_action":"4","cluster_name":"c","upstream_url":"0:1","action":"EJECT","num_ejections":2,"enforced":true,"eject_consecutive_event":{}}',
      ),
    ]);
  });

  test("of a degraded host", () => {
    const { send, events } = directed(1, { name: "c", outlierDetection: { detectDegradedHosts: true } });
    send(0, { result: "response", status: 200, degraded: true });
    expect(linesOf(events)).toEqual([
      line(
        '{"type":"DEGRADED",@,"cluster_name":"c","upstream_url":"0:1","action":"EJECT","num_ejections":0,"enforced":true,"eject_consecutive_event":{}}',
      ),
    ]);
  });

  test.each([
    {
      name: "success rate",
      factor: 1900,
      enforced: [100, 0],
      lines: [
        '{"type":"SUCCESS_RATE",@,"cluster_name":"c","upstream_url":"4:1","action":"EJECT","num_ejections":1,"enforced":true,"eject_success_rate_event":{"host_success_rate":0,"cluster_average_success_rate":80,"cluster_success_rate_ejection_threshold":4}}',
      ],
    },
    {
      name: "failure percentage",
      factor: 1990,
      enforced: [0, 100],
      lines: [
        '{"type":"SUCCESS_RATE",@,"cluster_name":"c","upstream_url":"4:1","action":"EJECT","num_ejections":0,"enforced":false,"eject_success_rate_event":{"host_success_rate":0,"cluster_average_success_rate":80,"cluster_success_rate_ejection_threshold":0}}',
        '{"type":"FAILURE_PERCENTAGE",@,"cluster_name":"c","upstream_url":"4:1","action":"EJECT","num_ejections":1,"enforced":true,"eject_failure_percentage_event":{"host_success_rate":0}}',
      ],
    },
  ])("of $name", ({ factor, enforced: [enforcingSuccessRate = 0, enforcingFailurePercentage = 0], lines }) => {
    const { send, tick, events } = directed(5, {
      name: "c",
      outlierDetection: {
        consecutive5xx: 0,
        maxEjectionPercent: 100,
        successRateRequestVolume: 1,
        failurePercentageRequestVolume: 1,
        successRateStdevFactor: factor,
        enforcingSuccessRate,
        enforcingFailurePercentage,
      },
    });
    for (let host = 0; host < 4; host++) send(host, 200, 4);
    send(4, 500, 4);
    tick(10_000);
    expect(linesOf(events)).toEqual(lines.map(line));
  });

  test("of a line below 0, as 0", () => {
    const event: EjectEvent = {
      action: "EJECT",
      at: 0,
      cluster: "c",
      host: "a:1",
      type: "SUCCESS_RATE_LOCAL_ORIGIN",
      enforced: false,
      numEjections: 0,
      secsSinceLastAction: -1,
      hostSuccessRate: 99.9,
      clusterAverageSuccessRate: 60,
      clusterSuccessRateEjectionThreshold: -33.1,
    };
    expect(outlierLogEntry(event, AT)).toMatchObject({
      eject_success_rate_event: { host_success_rate: 99, cluster_success_rate_ejection_threshold: 0 },
    });
  });
});

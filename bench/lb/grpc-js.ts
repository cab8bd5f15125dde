/** The weighted pick of grpc-js. */
import { createRequire } from "node:module";
import type { Operation } from "../row.js";

interface GrpcEntry {
  deadline: number;
  readonly period: number;
  readonly endpointName: string;
  readonly picker: { pick(): GrpcPick };
}

interface GrpcPick {
  readonly pickResultType: number;
  readonly onCallEnded: unknown;
}

type ReadMetrics = (listener: (report: unknown) => void, previous: unknown) => unknown;

/**
 * grpc-js exports no picker. This is the text of its `WeightedRoundRobinPicker.pick` as compiled in 1.14.7, around its
 * own queue and its own reader of load reports, which it wraps around every call unless reports come out of band.
 */
export function grpcWeightedPick(weights: readonly number[], picks: number): Operation {
  const require = createRequire(import.meta.url);
  const { PriorityQueue } = require("@grpc/grpc-js/build/src/priority-queue.js") as {
    PriorityQueue: new (
      before: (a: GrpcEntry, b: GrpcEntry) => boolean,
    ) => { push(e: GrpcEntry): void; pop(): GrpcEntry };
  };
  const { createMetricsReader } = require("@grpc/grpc-js/build/src/orca.js") as { createMetricsReader: ReadMetrics };
  const reports = new Map<string, unknown>();
  const metricsHandler = (report: unknown, endpointName: string): void => void reports.set(endpointName, report);
  const queue = new PriorityQueue((a, b) => a.deadline < b.deadline);
  for (const [index, weight] of weights.entries()) {
    const subchannel = {};
    const picker = {
      pick: () => ({ pickResultType: 0, subchannel, status: null, onCallStarted: null, onCallEnded: null }),
    };
    queue.push({ endpointName: `e${index}`, picker, period: 1 / weight, deadline: Math.random() / weight });
  }
  const pick = (): unknown => {
    const entry = queue.pop();
    queue.push(Object.assign(Object.assign({}, entry), { deadline: entry.deadline + entry.period }));
    const childPick = entry.picker.pick();
    return Object.assign(Object.assign({}, childPick), {
      onCallEnded: createMetricsReader((report) => metricsHandler(report, entry.endpointName), childPick.onCallEnded),
    });
  };
  return () => {
    let last: unknown;
    for (let i = 0; i < picks; i++) last = pick();
    return last;
  };
}

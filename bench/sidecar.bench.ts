/** What a request costs in the example sidecar, against the usual Node proxy and against a pipe that decides nothing. */
import { type Figure, type ProxyProgram, proxied } from "./proxy/rig.js";
import type { Row } from "./row.js";

const SIDECAR: ProxyProgram = { name: "examples/sidecar", program: "sidecar" };
const HTTP_PROXY: ProxyProgram = { name: "http-proxy", program: "http-proxy" };
const DISPATCH: ProxyProgram = { name: "node:http + undici dispatch", program: "undici-dispatch" };

function row(figure: Figure, unit: string, better: "lower" | "higher"): Row {
  return {
    kind: "measurement",
    name: `sidecar, ${figure}, 1 KB over 64 connections`,
    unit,
    better,
    ours: proxied(SIDECAR, figure),
    against: [
      // Ahead of what it replaces, and most of what Node can do at all.
      { ...proxied(HTTP_PROXY, figure), bar: { kind: "ratio", max: 1 } },
      { ...proxied(DISPATCH, figure), bar: { kind: "ratio", max: 1.3 } },
    ],
  };
}

export const rows: readonly Row[] = [
  row("requests per second", "req/s", "higher"),
  row("CPU per request", "µs", "lower"),
];

/** The router against a plain scan, find-my-way (paths only) and the matcher of grpc-js-xds. */
import { compileRoutes, createRequest, fixedRandom } from "@weftmesh/router";
import { buildingRows } from "./router/building.js";
import { againstGrpc } from "./router/grpc-js-xds.js";
import { matchingRows, routesOf, routing, tableOf } from "./router/matching.js";
import { prefix } from "./router/shapes.js";
import type { Bar, OperationRow, Row } from "./row.js";

const ratio = (max: number): Bar => ({ kind: "ratio", max });
const absolute = (max: number): Bar => ({ kind: "absolute", max });
const context = { random: fixedRandom(0), now: 0 };

const suffixHosts: OperationRow = {
  kind: "operation",
  name: "route match, 10,000 suffix-wildcard hosts",
  ours: {
    name: "weftmesh",
    prepare() {
      const virtualHosts = Array.from({ length: 10_000 }, (_, i) => ({
        name: `v${i}`,
        domains: [`*.s${i}.test`],
        routes: [{ match: { prefix: "/" }, route: { cluster: `c${i}` } }],
      }));
      return routing(compileRoutes({ virtualHosts }), [
        createRequest({ authority: "a.s9999.test", headers: { "user-agent": "bench" } }),
      ]);
    },
  },
  against: [
    {
      name: "linear scan",
      prepare() {
        const suffixes = Array.from({ length: 10_000 }, (_, i) => `.s${i}.test`);
        return () => suffixes.find((suffix) => "a.s9999.test".endsWith(suffix));
      },
      bar: ratio(0.1),
    },
  ],
};

const everyPart: OperationRow = {
  kind: "operation",
  name: "route match, 1,000 prefixes, every part of the result read",
  ours: {
    name: "weftmesh",
    prepare() {
      const table = tableOf(routesOf(prefix, 1000));
      const one = prefix.request(999);
      return () => {
        const decision = table.route(one, context);
        if (decision.kind !== "forward") return decision.kind;
        const verdict = decision.retry({ kind: "response", status: 503, headers: [] }, 1, 0);
        return [
          decision.request(),
          decision.response(200, []),
          decision.hash(),
          decision.mirrors(),
          decision.rateLimits(),
          decision.cors(),
          verdict,
        ];
      };
    },
  },
  against: [
    {
      name: "identity and cluster only",
      prepare: () => routing(tableOf(routesOf(prefix, 1000)), [prefix.request(999)]),
      bar: absolute(10_000),
    },
  ],
};

export const rows: readonly Row[] = [...matchingRows, suffixHosts, everyPart, againstGrpc, ...buildingRows];

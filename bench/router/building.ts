/** What tables cost: to build, to change, to keep. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { compileRoutes } from "@weftmesh/router";
import type { Bar, Measurement, MeasurementRow } from "../row.js";
import { routesOf, tableOf } from "./matching.js";
import { prefix, type Shape, shapes } from "./shapes.js";

const absolute = (max: number): Bar => ({ kind: "absolute", max });
const plain = ["prefix", "path", "path_separated_prefix"];
const ofKind = (name: string): Shape => shapes.find((shape) => shape.name === name) ?? prefix;

/** CPU time, as neighbours must not count. */
function building(build: () => unknown): Measurement {
  return {
    measure() {
      const before = process.cpuUsage();
      build();
      const used = process.cpuUsage(before);
      return (used.user + used.system) / 1000;
    },
  };
}

const build = (shape: Shape, count: number): MeasurementRow => ({
  kind: "measurement",
  name: `compile ${count.toLocaleString("en-US")} routes by ${shape.name}`,
  unit: "ms",
  better: "lower",
  ours: {
    name: "weftmesh",
    prepare() {
      const routes = routesOf(shape, count);
      return building(() => tableOf(routes));
    },
  },
  against: [
    {
      name: "a copy of the messages",
      prepare() {
        const routes = routesOf(shape, count);
        return building(() => structuredClone(routes));
      },
      bar: absolute(2000),
    },
  ],
});

const ROUTES = 100_000;

/** Bytes a thing that is made keeps alive, for each route. */
function keeping(make: () => unknown): Measurement {
  return {
    measure() {
      const { gc } = globalThis;
      if (gc === undefined) throw new Error("needs --expose-gc");
      gc();
      const before = process.memoryUsage().heapUsed;
      const made = make();
      gc();
      const kept = process.memoryUsage().heapUsed - before;
      if (made === undefined) throw new Error("nothing was made");
      return kept / ROUTES;
    },
  };
}

const memory = (shape: Shape): MeasurementRow => ({
  kind: "measurement",
  name: `heap beyond the configuration, 100,000 routes by ${shape.name}`,
  unit: "B/route",
  better: "lower",
  ours: {
    name: "weftmesh",
    prepare() {
      const routes = routesOf(shape, ROUTES);
      return keeping(() => tableOf(routes));
    },
  },
  against: [{ name: "the messages", prepare: () => keeping(() => routesOf(shape, ROUTES)), bar: absolute(600) }],
});

/** Bytes of one decision, counted where nothing is collected. */
function allocation(what: "decide" | "none"): Measurement {
  const script = fileURLToPath(new URL("./allocation.js", import.meta.url));
  const flags = ["--expose-gc", "--min-semi-space-size=256", "--max-semi-space-size=256"];
  return { measure: () => Number(execFileSync(process.execPath, [...flags, script, what], { encoding: "utf8" })) };
}

const allocations: MeasurementRow = {
  kind: "measurement",
  name: "allocation of a decision with identity, cluster and timeouts read",
  unit: "B",
  better: "lower",
  ours: { name: "weftmesh", prepare: () => allocation("decide") },
  against: [{ name: "the loop alone", prepare: () => allocation("none"), bar: absolute(640) }],
};

const thousandHosts = () =>
  Array.from({ length: 1000 }, (_, i) => ({ name: `v${i}`, domains: [`s${i}.test`], routes: routesOf(prefix, 20) }));

const replaceHost: MeasurementRow = {
  kind: "measurement",
  name: "replace one of 1,000 virtual hosts",
  unit: "ms",
  better: "lower",
  ours: {
    name: "withHosts",
    prepare() {
      const table = compileRoutes({ virtualHosts: thousandHosts() });
      return building(() =>
        table.withHosts({ set: [{ name: "v5", domains: ["s5.test"], routes: routesOf(prefix, 20) }] }),
      );
    },
  },
  against: [
    {
      name: "compile the table anew",
      prepare() {
        const virtualHosts = thousandHosts();
        return building(() => compileRoutes({ virtualHosts }));
      },
      bar: absolute(50),
    },
  ],
};

export const buildingRows: readonly MeasurementRow[] = [
  ...plain.map((name) => build(ofKind(name), ROUTES)),
  build(ofKind("pattern with a literal beginning"), 10_000),
  ...plain.map((name) => memory(ofKind(name))),
  allocations,
  replaceHost,
];

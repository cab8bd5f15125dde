/** Start-up: what importing a package costs a fresh process, over what starting node costs anyway. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { MeasurementVariant, Row } from "./row.js";

const PACKAGES = ["xds-types", "router", "lb", "iptables-gen", "cert", "cert/services", "xds"];

/** grpc-js alone takes a start-up to 1.5 to 1.9 times that of bare node. */
const LOADS_GRPC = ["cert/services", "xds"];

function startUp(name: string, code: string): MeasurementVariant {
  return {
    name,
    prepare: () => ({
      async measure() {
        const start = process.hrtime.bigint();
        const child = spawn(process.execPath, ["--input-type=module", "--eval", code], {
          stdio: ["ignore", "ignore", "inherit"],
          cwd: new URL(".", import.meta.url),
        });
        const [code_] = (await once(child, "exit")) as [number | null];
        if (code_ !== 0) throw new Error(`${name} exited with ${code_}`);
        return Number(process.hrtime.bigint() - start) / 1e6;
      },
    }),
  };
}

/** The start-up of node itself is the baseline; the bar is how much of it a package may add. */
export const rows: readonly Row[] = PACKAGES.map((name) => ({
  kind: "measurement",
  name: `start-up with @weftmesh/${name} imported`,
  unit: "ms",
  better: "lower",
  ours: startUp(`import @weftmesh/${name}`, `import ${JSON.stringify(`@weftmesh/${name}`)};`),
  against: [{ ...startUp("node alone", ""), bar: { kind: "ratio", max: LOADS_GRPC.includes(name) ? 3 : 2 } }],
}));

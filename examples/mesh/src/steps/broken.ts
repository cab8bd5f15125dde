import { pod, port } from "../layout.js";
import { load } from "../load.js";
import type { Step } from "../story.js";

const REQUESTS = 200;

/** A configuration that cannot run is refused by name, and the last good one goes on serving. */
export const broken: Step = {
  number: 6,
  name: "broken",
  title: "a broken configuration is refused, the good one stays",
  expected: "a NACK that names resource and field, 0 errors and no change of route meanwhile",
  async run({ mesh, progress }) {
    await mesh.push("header");
    const stop = new AbortController();
    const traffic = load({
      port: port(pod("gateway"), "outbound"),
      concurrency: 8,
      perSecond: 400,
      signal: stop.signal,
      onSample: (_, total) => progress(`${total} requests`),
    });
    try {
      await load({ port: port(pod("gateway"), "outbound"), requests: REQUESTS / 4, concurrency: 4 });
      const { nacks } = await mesh.push("broken");
      await load({ port: port(pod("gateway"), "outbound"), requests: REQUESTS, concurrency: 4 });
      const fixed = await mesh.push("header");
      stop.abort();
      const samples = await traffic;
      const reason = nacks[0]?.reasons[0];
      const errors = samples.failures.length;
      const refusals = new Set(nacks.map(({ node }) => node.id)).size;
      return {
        measured: `NACK from ${refusals} sidecars: ${reason?.resource} ${reason?.field}: ${reason?.reason}; errors ${errors}`,
        requests: samples.requests,
        checks: [
          { what: "no sidecar refused the configuration", ok: nacks.length > 0 },
          {
            what: `the NACK names the resource ${reason?.resource}, expected outbound`,
            ok: reason?.resource === "outbound",
          },
          { what: `the NACK names the field ${reason?.field}`, ok: reason?.field?.includes("safe_regex") === true },
          { what: `${errors} errors, expected 0`, ok: errors === 0 },
          { what: `v1 answered ${samples.of("v1")} of ${samples.requests}`, ok: samples.of("v1") === samples.requests },
          { what: "the corrected configuration was refused too", ok: fixed.nacks.length === 0 },
        ],
      };
    } finally {
      stop.abort();
      await traffic;
    }
  },
};

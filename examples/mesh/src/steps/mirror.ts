import { pod, port } from "../layout.js";
import { load } from "../load.js";
import { until } from "../mesh.js";
import type { Step } from "../story.js";

const REQUESTS = 400;
/** The shadow is slow and broken on purpose: whoever waited for it would show it. */
const SHADOW_MS = 300;

/** Mirroring: a version is tried with real traffic, and nobody hangs on its answers. */
export const mirror: Step = {
  number: 3,
  name: "mirror",
  title: "a version gets copies, the caller notices nothing",
  expected: `the shadow gets every request; it answers 500 after ${SHADOW_MS} ms, the caller gets 200 sooner`,
  async run({ mesh, progress }) {
    await mesh.push("mirror");
    await mesh.fault("reviews-v3", { status: 500, rate: 1, delayMs: SHADOW_MS });
    try {
      const before = await mesh.count("reviews-v3");
      const samples = await load({
        port: port(pod("gateway"), "outbound"),
        requests: REQUESTS,
        concurrency: 8,
        perSecond: 150,
        onSample: (_, total) => progress(`${total} of ${REQUESTS} requests`),
      });
      const copies = await until(
        () => mesh.count("reviews-v3"),
        ({ shadows }) => shadows - before.shadows >= REQUESTS,
        "not every copy arrived",
        10_000,
      ).catch(() => mesh.count("reviews-v3"));
      const shadows = copies.shadows - before.shadows;
      const median = samples.quantile(0.5);
      const errors = samples.failures.length;
      return {
        measured: `shadow ${shadows} of ${REQUESTS}; caller: v1 ${samples.of("v1")}, errors ${errors}, median ${median.toFixed(1)} ms`,
        requests: samples.requests,
        checks: [
          { what: `the shadow got ${shadows} of ${REQUESTS}`, ok: shadows === REQUESTS },
          { what: `${errors} errors, expected 0`, ok: errors === 0 },
          { what: `v1 answered ${samples.of("v1")} of ${REQUESTS}`, ok: samples.of("v1") === REQUESTS },
          {
            what: `the caller's median is ${median.toFixed(1)} ms, expected below ${SHADOW_MS}`,
            ok: median < SHADOW_MS,
          },
        ],
      };
    } finally {
      await mesh.fault("reviews-v3");
    }
  },
};

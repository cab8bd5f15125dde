import { pod, port } from "../layout.js";
import { load } from "../load.js";
import type { Step } from "../story.js";

const REQUESTS = 2100;

/** Weighted clusters: a share of the traffic for a new version. */
export const canary: Step = {
  number: 1,
  name: "canary",
  title: "one request in ten goes to the new version",
  expected: "share of v2 10 % ± 3 points over ≥ 2,000 requests",
  async run({ mesh, progress }) {
    await mesh.push("canary");
    const samples = await load({
      port: port(pod("gateway"), "outbound"),
      requests: REQUESTS,
      onSample: (_, total) => progress(`${total} of ${REQUESTS} requests`),
    });
    const share = (100 * samples.of("v2")) / samples.requests;
    return {
      measured: `v1 ${samples.of("v1")}, v2 ${samples.of("v2")}: ${share.toFixed(1)} %, errors ${samples.failures.length}`,
      requests: samples.requests,
      checks: [
        { what: `share of v2 ${share.toFixed(1)} %, expected 7–13 %`, ok: Math.abs(share - 10) <= 3 },
        { what: `${samples.failures.length} errors, expected 0`, ok: samples.failures.length === 0 },
        { what: "another version answered", ok: samples.of("v1") + samples.of("v2") === samples.requests },
      ],
    };
  },
};

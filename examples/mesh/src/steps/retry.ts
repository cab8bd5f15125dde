import { pod, port } from "../layout.js";
import { load } from "../load.js";
import type { Step } from "../story.js";

const REQUESTS = 600;

/** Retries on another host hide a host that fails now and then. */
export const retry: Step = {
  number: 4,
  name: "retry",
  title: "a failing answer is asked for again elsewhere",
  expected: "one of three hosts fails 30 % of its requests with 503, the caller's error rate is 0",
  async run({ mesh, progress }) {
    await mesh.push("retry");
    await mesh.fault("reviews-v1", { status: 503, rate: 0.3 });
    try {
      const before = await received();
      const samples = await load({
        port: port(pod("gateway"), "outbound"),
        requests: REQUESTS,
        onSample: (_, total) => progress(`${total} of ${REQUESTS} requests`),
      });
      const retried = (await received()) - before - REQUESTS;
      const errors = samples.failures.length;
      return {
        measured: `errors ${errors}, retries ${retried}`,
        requests: samples.requests,
        checks: [
          { what: `${errors} errors, expected 0`, ok: errors === 0 },
          { what: `${retried} retries, expected some: nothing failed`, ok: retried > 0 },
        ],
      };
    } finally {
      await mesh.fault("reviews-v1");
    }

    /** More requests at the reviews than the caller sent are those that were sent again. */
    async function received(): Promise<number> {
      const counts = await Promise.all(["reviews-v1", "reviews-v2", "reviews-v3"].map((name) => mesh.count(name)));
      return counts.reduce((sum, { requests }) => sum + requests, 0);
    }
  },
};

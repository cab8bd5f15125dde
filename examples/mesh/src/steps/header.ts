import { pod, port } from "../layout.js";
import { load } from "../load.js";
import type { Step } from "../story.js";

const REQUESTS = 300;

/** Header matching: one user sees the new version. */
export const header: Step = {
  number: 2,
  name: "header",
  title: "one user sees the new version",
  expected: "x-user: jason → v2 for 100 %, everybody else → v1 for 100 %",
  async run({ mesh, progress }) {
    await mesh.push("header");
    const at = port(pod("gateway"), "outbound");
    const onSample = (_: unknown, total: number): void => progress(`${total} of ${REQUESTS} requests of each kind`);
    const [jason, others] = await Promise.all([
      load({ port: at, requests: REQUESTS, concurrency: 8, headers: { "x-user": "jason" }, onSample }),
      load({ port: at, requests: REQUESTS, concurrency: 8, headers: { "x-user": "ann" } }),
    ]);
    const errors = jason.failures.length + others.failures.length;
    return {
      measured: `jason → v2 ${jason.of("v2")} of ${REQUESTS}, others → v1 ${others.of("v1")} of ${REQUESTS}, errors ${errors}`,
      requests: jason.requests + others.requests,
      checks: [
        { what: `jason got v2 ${jason.of("v2")} times of ${REQUESTS}`, ok: jason.of("v2") === REQUESTS },
        { what: `others got v1 ${others.of("v1")} times of ${REQUESTS}`, ok: others.of("v1") === REQUESTS },
        { what: `${errors} errors, expected 0`, ok: errors === 0 },
      ],
    };
  },
};

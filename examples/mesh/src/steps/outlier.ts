import { performance } from "node:perf_hooks";
import { pod, port } from "../layout.js";
import { load, type Sample } from "../load.js";
import type { Mesh } from "../mesh.js";
import type { Step } from "../story.js";

/** As `outlier_detection` in config/clusters.yaml has it. */
const CONSECUTIVE_5XX = 5;
const EJECTION_MS = 2000;
const INTERVAL_MS = 1000;
/** Only the front calls the reviews. */
const CALLING_SIDECARS = 1;
const IN_FLIGHT = 8;
const BOUND = CONSECUTIVE_5XX * CALLING_SIDECARS + IN_FLIGHT;
/** What a timer and a scheduler may add on a busy machine. */
const SLACK_MS = 500;

/** Outlier detection: a host that answers only errors is left out, and let back in. */
export const outlier: Step = {
  number: 5,
  name: "outlier",
  title: "a host that only fails is left out, and let back",
  expected: `one of three hosts fails always: ≤ ${BOUND} errors (5 × ${CALLING_SIDECARS} calling sidecar + ${IN_FLIGHT} in flight), then none; back ≤ ${(EJECTION_MS + INTERVAL_MS) / 1000} s after its ejection`,
  async run({ mesh, progress }) {
    await mesh.push("outlier");
    const stop = new AbortController();
    const seen: Sample[] = [];
    const traffic = load({
      port: port(pod("gateway"), "outbound"),
      concurrency: IN_FLIGHT,
      perSecond: 300,
      signal: stop.signal,
      onSample: (sample, total) => {
        seen.push(sample);
        progress(`${total} requests, ${seen.filter(({ status }) => status !== 200).length} errors`);
      },
    });
    try {
      await pause(300);
      const known = (await hostEvents(mesh)).length;
      await mesh.fault("reviews-v3", { status: 500, rate: 1 });
      const ejected = await nextEvent(mesh, known, "EJECT");
      const ejectedAt = performance.now();
      await pause(EJECTION_MS / 4);
      const errors = seen.filter(({ status }) => status !== 200).length;
      await mesh.fault("reviews-v3");
      const returned = await nextEvent(mesh, known, "UNEJECT");
      const healedAt = performance.now();
      await pause(500);
      stop.abort();
      const samples = await traffic;
      const after = samples.failures.length - errors;
      const away = Number(returned["at"]) - Number(ejected["at"]);
      const again = samples.all.filter(({ version, at }) => version === "v3" && at > healedAt).length;
      const meanwhile = samples.all.filter(
        ({ version, at }) => version === "v3" && at > ejectedAt + 100 && at < healedAt - 100,
      );
      return {
        measured: `errors ${errors}, then ${after}; back after ${(away / 1000).toFixed(2)} s, then ${again} answers from it`,
        requests: samples.requests,
        checks: [
          { what: `${errors} errors, expected at least one and at most ${BOUND}`, ok: errors > 0 && errors <= BOUND },
          { what: `${after} errors after the ejection, expected 0`, ok: after === 0 },
          { what: `${meanwhile.length} answers from the ejected host, expected 0`, ok: meanwhile.length === 0 },
          {
            what: `back after ${away.toFixed(0)} ms`,
            ok: away >= EJECTION_MS && away <= EJECTION_MS + INTERVAL_MS + SLACK_MS,
          },
          { what: "the host got no traffic after its return", ok: again > 0 },
        ],
      };
    } finally {
      stop.abort();
      await mesh.fault("reviews-v3");
      await traffic;
    }
  },
};

async function hostEvents(mesh: Mesh): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const { events } = await mesh.sidecar("front");
  return events.filter(({ cluster, action }) => cluster === "reviews" && action !== undefined);
}

async function nextEvent(mesh: Mesh, known: number, action: string): Promise<Readonly<Record<string, unknown>>> {
  const end = performance.now() + EJECTION_MS + INTERVAL_MS + 5000;
  while (performance.now() < end) {
    const event = (await hostEvents(mesh)).slice(known).find((each) => each["action"] === action);
    if (event !== undefined) return event;
    await pause(25);
  }
  throw new Error(`the sidecar of the front saw no ${action}`);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Balancers of a real Envoy: the same hosts for the same keys, the same rotations, the same shares. */
import { seededRandom } from "@weftmesh/lb/testing";
import { compareHashes } from "./lb/hashes.js";
import { compareVerdicts } from "./lb/refusals.js";
import { compareSequences } from "./lb/sequences.js";
import { compareShares } from "./lb/shares.js";
import type { Peer } from "./peer.js";
import { Checks } from "./xds/check.js";

/** Keys over each host set; `--cases 10000` compares as many. */
const MIN_KEYS = 200;

export const peer: Peer = {
  name: "lb",
  requires: ["envoy"],
  async run({ cases, seed, log }) {
    const checks = new Checks(log);
    const verdicts = cases < 200 ? 6 : Number.POSITIVE_INFINITY;
    await checks.part("verdicts", () => compareVerdicts(checks, verdicts, seededRandom(seed)));
    await checks.part("hashes", () => compareHashes(checks, Math.max(MIN_KEYS, cases), seed));
    await checks.part("sequences", () =>
      compareSequences(checks, Math.ceil(Math.min(cases, 1000) / 10), seededRandom(seed)),
    );
    await checks.part("shares", () => compareShares(checks, cases < 200 ? 1000 : 5000, seed));
    return checks.result();
  },
};

/** Balancers of a real Envoy: the same hosts for the same keys and attempts, the same rotations, the same shares. */
import { seededRandom } from "@weftmesh/lb/testing";
import { compareEjections } from "./lb/ejections.js";
import { compareHashPolicies } from "./lb/hash-policies.js";
import { compareHashes } from "./lb/hashes.js";
import { compareHealthChecks } from "./lb/health-checks.js";
import { compareLoads } from "./lb/loads.js";
import { compareVerdicts } from "./lb/refusals.js";
import { compareReplacements } from "./lb/replacements.js";
import { compareRetries } from "./lb/retries.js";
import { compareSequences } from "./lb/sequences.js";
import { compareSessions } from "./lb/sessions.js";
import { compareShares } from "./lb/shares.js";
import { compareWeights } from "./lb/weights.js";
import type { Peer } from "./peer.js";
import { Checks } from "./xds/check.js";

/** Keys over each host set; `--cases 10000` compares as many. */
const MIN_KEYS = 200;

export const peer: Peer = {
  name: "lb",
  requires: ["envoy"],
  async run({ cases, seed, log }) {
    const checks = new Checks(log);
    const requests = cases < 200 ? 1000 : 5000;
    const verdicts = cases < 200 ? 6 : Number.POSITIVE_INFINITY;
    await checks.part("verdicts", () => compareVerdicts(checks, verdicts, seededRandom(seed)));
    await checks.part("hashes", () => compareHashes(checks, Math.max(MIN_KEYS, cases), seed));
    await checks.part("sequences", () =>
      compareSequences(checks, Math.ceil(Math.min(cases, 1000) / 10), seededRandom(seed)),
    );
    await checks.part("replacements", () => compareReplacements(checks));
    await checks.part("hash policies", () => compareHashPolicies(checks, Math.max(100, Math.min(cases, 1000)), seed));
    await checks.part("sessions", () => compareSessions(checks, seed));
    await checks.part("retries", () => compareRetries(checks, requests, seed));
    await checks.part("ejections", () =>
      compareEjections(checks, Math.ceil(Math.min(cases, 1000) / 10), seededRandom(seed)),
    );
    await checks.part("health checks", () =>
      compareHealthChecks(checks, Math.ceil(Math.min(cases, 1000) / 10), seededRandom(seed)),
    );
    await checks.part("loads", () => compareLoads(checks, requests, seed));
    await checks.part("weights", () => compareWeights(checks, requests, seed));
    await checks.part("shares", () => compareShares(checks, requests, seed));
    return checks.result();
  },
};

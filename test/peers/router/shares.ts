/** Where chance alone decides, shares are compared with the weights. */
import type { Comparison } from "./ours.js";
import { startRig } from "./rig.js";

const REQUESTS = 2000;
const weights: Readonly<Record<string, number>> = { c0: 50, c1: 30, c2: 15, c3: 5, c4: 0 };
/** Exceeded once in a million runs with three degrees of freedom. */
const LIMIT = 30.66;

/** One weighted route, many requests: Envoy's chi-square over its weights, which are ours too. */
export async function compareShares(): Promise<Comparison> {
  const clusters = Object.entries(weights).map(([name, weight]) => ({ name, weight }));
  const routes = [{ match: { prefix: "/" }, route: { weighted_clusters: { clusters } } }];
  const routeConfig = { name: "shares", virtual_hosts: [{ name: "v", domains: ["*"], routes }] };
  await using rig = await startRig([{ name: "shares", routeConfig, hcm: {}, filters: [] }]);
  const requests = Array.from({ length: REQUESTS }, (_, i) => ({
    method: "GET",
    path: "/",
    headers: [["host", "h"] as const, ["x-case", `s${i}`] as const],
  }));
  const counts = new Map<string, number>();
  for (const { cluster = "" } of await rig.ask("shares", requests)) counts.set(cluster, (counts.get(cluster) ?? 0) + 1);
  let chiSquare = 0;
  for (const [name, weight] of Object.entries(weights)) {
    const expected = (REQUESTS * weight) / 100;
    const got = counts.get(name) ?? 0;
    if (expected > 0) chiSquare += (got - expected) ** 2 / expected;
    else if (got > 0) chiSquare = Number.POSITIVE_INFINITY;
  }
  const title = `shares of ${JSON.stringify(weights)}`;
  const got = `${JSON.stringify(Object.fromEntries(counts))}: chi-square ${chiSquare.toFixed(1)}`;
  return { title, outcome: chiSquare <= LIMIT ? { ok: true } : { ok: false, expected: `at most ${LIMIT}`, got } };
}

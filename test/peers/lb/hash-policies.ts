/** A balancer's own hash policies: the same host for the same request. */
import type { HashRequest } from "@weftmesh/lb";
import { seededRandom } from "@weftmesh/lb/testing";
import type { Checks } from "../xds/check.js";
import { assignmentOf, hostsOf } from "./endpoints.js";
import { clusterOf, optionsOf, pick } from "./ours.js";
import { type Json, type RigRequest, startRig } from "./rig.js";

const MAGLEV = "type.googleapis.com/envoy.extensions.load_balancing_policies.maglev.v3.Maglev";
const header = (header_name: string): Json => ({ header: { header_name } });

const POLICIES: Readonly<Record<string, readonly Json[]>> = {
  "a header": [header("x-a")],
  "two headers": [header("x-a"), header("x-b")],
  "a header that ends it": [{ ...header("x-a"), terminal: true }, header("x-b")],
  "a header that ends it, after another": [header("x-b"), { ...header("x-a"), terminal: true }, header("x-c")],
  "a cookie": [{ cookie: { name: "c" } }],
  "a cookie that is made": [{ cookie: { name: "c", ttl: "0s", path: "/p" } }],
  "a query parameter": [{ query_parameter: { name: "q" } }],
  "the caller's address": [{ connection_properties: { source_ip: true } }],
  everything: [
    header("x-a"),
    { cookie: { name: "c", ttl: "5s" } },
    { query_parameter: { name: "q" } },
    { connection_properties: { source_ip: true } },
    { ...header("x-b"), terminal: true },
    header("x-c"),
  ],
};

/** A request as its headers and its path say it. */
interface Drawn {
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly path: string;
}

/** Compares `count` requests behind each list of policies. */
export async function compareHashPolicies(checks: Checks, count: number, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const assignment = assignmentOf([{ hosts: hostsOf(60, 40) }]);
  const clusters = Object.values(POLICIES).map((hash_policy, index): Json => {
    const typed_config = { "@type": MAGLEV, table_size: 1009, consistent_hashing_lb_config: { hash_policy } };
    return {
      name: `y${index}`,
      type: "STATIC",
      load_assignment: { ...assignment, cluster_name: `y${index}` },
      load_balancing_policy: { policies: [{ typed_extension_config: { name: "p", typed_config } }] },
    };
  });
  const report = "%UPSTREAM_HOST% %DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS%";
  await using rig = await startRig({ clusters, report });
  for (const [index, name] of Object.keys(POLICIES).entries()) {
    const cluster = clusters[index] as Json;
    const ours = clusterOf(optionsOf(cluster), seededRandom(seed));
    const drawn = Array.from({ length: count }, () => drawRequest(random));
    const seen = await rig.picks(drawn.map((each): RigRequest => ({ cluster: `y${index}`, ...each })));
    const different = drawn.flatMap((each, i) => {
      const [theirs, remote = "", local = ""] = seen[i]?.split(" ") ?? [];
      const request = requestOf(each, remote, local);
      const host = pick(ours, { request });
      // Without a hash both draw a host, each its own: ours then does not stay with one.
      const isDrawn = Array.from({ length: 6 }, () => pick(ours, { request })).some((again) => again !== host);
      return host === theirs || isDrawn ? [] : [`${JSON.stringify(each)}: ${host}, Envoy ${theirs}`];
    });
    const result = `${count} requests, ${new Set(seen.map((each) => each.split(" ")[0])).size} hosts`;
    const wrong = `${different.length} differ, ${different[0]}`;
    checks.hold(`hash of ${name}`, different.length === 0, different.length === 0 ? result : wrong);
  }
}

function drawRequest(random: () => number): Drawn {
  const value = (): string => Math.floor(random() * 1e6).toString(36);
  const headers: [string, string][] = [];
  for (const name of ["x-a", "x-b", "x-c"]) {
    // Some headers come several times, and their order does not matter.
    for (let draw = random(); draw < 0.7; draw = random()) headers.push([name, value()]);
  }
  if (random() < 0.6) headers.push(["cookie", `a=1; c=${random() < 0.1 ? "" : value()}; d=2`]);
  const queries = ["", `?q=${value()}`, `?a=1&q=${value()}&q=${value()}`, "?q=", "?q", `?Q=${value()}`];
  return { headers, path: `/x${queries[Math.floor(random() * queries.length)]}` };
}

function requestOf({ headers, path }: Drawn, remote: string, local: string): HashRequest {
  const values = (name: string): string[] => headers.flatMap(([key, value]) => (key === name ? [value] : []));
  return {
    header: values,
    cookie: (name) => new RegExp(`(?:^|; )${name}=([^;]*)`).exec(values("cookie")[0] ?? "")?.[1],
    queryParameter: (name) => new URLSearchParams(path.split("?")[1]).get(name) ?? undefined,
    sourceIp: remote.replace(/:\d+$/, ""),
    connection: { remote, local },
  };
}

/** Hosts that a session keeps to, before any policy chooses. */
import { type Host, hashRequest } from "@weftmesh/lb";
import { seededRandom } from "@weftmesh/lb/testing";
import type { Checks } from "../xds/check.js";
import { assignmentOf, hostsOf } from "./endpoints.js";
import { clusterOf, optionsOf } from "./ours.js";
import { type Json, type RigRequest, startRig } from "./rig.js";

const TYPE = "type.googleapis.com/envoy.extensions";
const HEALTH = ["UNKNOWN", "HEALTHY", "UNHEALTHY", "DRAINING", "TIMEOUT", "DEGRADED"] as const;
const HOSTS = hostsOf(66, 2 * HEALTH.length, (i) => ({ health: HEALTH[i % HEALTH.length] as string }));
/** Every host there is, one there is not, and what is no address. */
const SESSIONS = [...HOSTS.map(({ address }) => `${address}:1`), "9.9.9.9:1", "nobody", ""];

const CLUSTERS: Readonly<Record<string, Json>> = {
  default: {},
  "any health": { override_host_status: { statuses: HEALTH } },
  "healthy only": { override_host_status: { statuses: ["HEALTHY"] } },
  "draining too": { override_host_status: { statuses: ["UNKNOWN", "HEALTHY", "DRAINING"] } },
  none: { override_host_status: {} },
};

/** Compares the host of every session, strict and not, at the first attempt and the next. */
export async function compareSessions(checks: Checks, seed: number): Promise<void> {
  const clusters = Object.entries(CLUSTERS).map(([name, common_lb_config]): Json => {
    const load_assignment = { ...assignmentOf([{ hosts: HOSTS }]), cluster_name: name };
    return { name, type: "STATIC", lb_policy: "MAGLEV", load_assignment, common_lb_config };
  });
  const routes = Object.fromEntries(
    [0, 1].map((num_retries) => {
      const retry_back_off = { base_interval: "0.001s", max_interval: "0.001s" };
      return [`r${num_retries}`, { retry_policy: { retry_on: "connect-failure", num_retries, retry_back_off } }];
    }),
  );
  for (const strict of [false, true]) {
    await using rig = await startRig({ clusters, routes, filters: [filter(strict)] });
    for (const cluster of clusters) {
      const name = cluster["name"] as string;
      const ours = clusterOf(optionsOf(cluster), seededRandom(seed));
      const different: string[] = [];
      for (const retries of [0, 1]) {
        const requests = SESSIONS.map((session, i): RigRequest => {
          const value = Buffer.from(session).toString("base64");
          const headers = session === "" ? [] : [["x-session", value] as const];
          return { cluster: name, key: `k${i}`, match: `r${retries}`, headers };
        });
        const seen = await rig.picks(requests);
        for (const [i, session] of SESSIONS.entries()) {
          const host = lastAttempt(ours, session, strict, `k${i}`, retries);
          if (host !== seen[i]) different.push(`${session}, attempt ${retries}: ${host}, Envoy ${seen[i]}`);
        }
      }
      const same = different.length === 0;
      const seen = same ? `${2 * SESSIONS.length} requests` : `${different.length} differ, ${different[0]}`;
      checks.hold(`sessions${strict ? ", strict" : ""}: ${name}`, same, seen);
    }
  }
}

function filter(strict: boolean): Json {
  const state = { "@type": `${TYPE}.http.stateful_session.header.v3.HeaderBasedSessionState`, name: "x-session" };
  return {
    name: "envoy.filters.http.stateful_session",
    typed_config: {
      "@type": `${TYPE}.filters.http.stateful_session.v3.StatefulSession`,
      session_state: { name: "envoy.http.stateful_session.header", typed_config: state },
      strict,
    },
  };
}

function lastAttempt(
  ours: ReturnType<typeof clusterOf>,
  session: string,
  strict: boolean,
  key: string,
  retries: number,
): string {
  const hash = hashRequest([{ kind: "header", name: "x-key" }], { header: () => [key] });
  const attempted: Host[] = [];
  let last = "-";
  for (let attempt = 0; attempt <= retries; attempt++) {
    const picked = ours.pick({
      hash,
      attempted,
      ...(session !== "" && { overrideHost: { address: session, strict } }),
    });
    if (picked.kind === "none") return "-";
    picked.done({ result: "aborted" });
    attempted.push(picked.host);
    last = picked.host.address;
  }
  return last;
}

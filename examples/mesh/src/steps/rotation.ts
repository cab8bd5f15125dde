import { pod, port } from "../layout.js";
import { load } from "../load.js";
import { LongConnections } from "../long-connections.js";
import { type Mesh, until } from "../mesh.js";
import type { SidecarStats } from "../sidecar-stats.js";
import type { Step } from "../story.js";

/** Sidecars renew at a fifth of a leaf's lifetime. */
const LEAF_SECONDS = 10;
const LONG = 20;

/** Rotation under load: leaves every two seconds, and a new root in between. */
export const rotation: Step = {
  number: 7,
  name: "rotation",
  title: "certificates and root change under load, nothing is lost",
  expected: `leaves every 2 s, one root roll (both roots, new issuer, old root gone): 0 failed requests, 0 of ${LONG} long connections dropped`,
  async run({ mesh, progress }) {
    await mesh.push();
    const before = await renewals(mesh);
    await using connections = await LongConnections.open(port(pod("gateway"), "outboundTcp"), LONG, 100);
    const stop = new AbortController();
    let state = "leaves rotate";
    const traffic = load({
      port: port(pod("gateway"), "outbound"),
      concurrency: 8,
      perSecond: 150,
      signal: stop.signal,
      onSample: (_, total) => progress(`${total} requests, ${state}`),
    });
    try {
      await mesh.tellAuthority("/leaf-seconds", { seconds: LEAF_SECONDS });
      await mesh.renew();
      const [oldRoot = ""] = (await mesh.authority()).roots;

      state = "both roots are distributed";
      await mesh.tellAuthority("/roll/prepare");
      await everywhere(mesh, ({ identity }) => identity.roots.length === 2, "not every sidecar got the new root");
      state = "the new root issues";
      await mesh.tellAuthority("/roll/activate");
      await everywhere(mesh, ({ identity }) => identity.issuer !== oldRoot, "not every leaf comes from the new root");
      state = "the old root is gone";
      await mesh.tellAuthority("/roll/retire");
      await everywhere(mesh, ({ identity }) => !identity.roots.includes(oldRoot), "the old root is still trusted");
      await new Promise((resolve) => setTimeout(resolve, 500));

      stop.abort();
      const samples = await traffic;
      const errors = samples.failures.length;
      const leaves = (await renewals(mesh)) - before;
      const wanted = 3 * (await mesh.sidecars()).length;
      return {
        measured: `${leaves} leaves and 1 root changed, errors ${errors}, dropped ${connections.dropped} of ${connections.count} (${connections.answered} lines answered)`,
        requests: samples.requests,
        checks: [
          { what: `${errors} failed requests, expected 0`, ok: errors === 0 && samples.requests > 0 },
          { what: `${connections.dropped} dropped connections, expected 0`, ok: connections.dropped === 0 },
          { what: `${leaves} leaves, expected at least ${wanted}`, ok: leaves >= wanted },
          { what: "the long connections said nothing", ok: connections.answered > connections.count },
        ],
      };
    } finally {
      stop.abort();
      await traffic;
      await mesh.tellAuthority("/leaf-seconds");
      await mesh.renew();
    }
  },
};

function everywhere(mesh: Mesh, good: (stats: SidecarStats) => boolean, problem: string): Promise<unknown> {
  return until(
    () => mesh.sidecars(),
    (all) => all.every(good),
    problem,
    8000,
  );
}

async function renewals(mesh: Mesh): Promise<number> {
  return (await mesh.sidecars()).reduce((sum, { identity }) => sum + identity.renewals, 0);
}

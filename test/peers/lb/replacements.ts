/** Rotations before and after the list of hosts was replaced: which hosts come after which. */
import type { Checks } from "../xds/check.js";
import { assignmentOf, type GroupSpec, type HostSpec } from "./endpoints.js";
import { clusterOf, endpointsOf, optionsOf, pick } from "./ours.js";
import { type Json, startRig } from "./rig.js";

/** More than any list has hosts, so that some start fits. */
const STARTS = 2520;
const SEEDS = 429_496_729;
const PICKS = 13;

const host = (number: number, more: Partial<HostSpec> = {}): HostSpec => ({ address: `127.67.0.${number}`, ...more });
const group = (zone: string, numbers: readonly number[], more: Partial<GroupSpec> = {}): GroupSpec => ({
  zone,
  hosts: numbers.map((number) => host(number)),
  ...more,
});

/** Before and after. */
const REPLACEMENTS: Readonly<Record<string, readonly [readonly GroupSpec[], readonly GroupSpec[]]>> = {
  "another order": [[group("a", [1, 2, 3, 4, 5])], [group("a", [3, 1, 2, 5, 4])]],
  "another order and a host": [[group("a", [1, 2, 3, 4, 5])], [group("a", [3, 1, 2, 5, 4, 6])]],
  "another order and health": [
    [group("a", [1, 2, 3, 4, 5])],
    [{ zone: "a", hosts: [5, 4, 3, 2].map((number) => host(number)).concat(host(1, { health: "UNHEALTHY" })) }],
  ],
  "a host in front": [[group("a", [1, 2, 3])], [group("a", [9, 1, 2, 3])]],
  "a host less": [[group("a", [1, 2, 3, 4, 5])], [group("a", [1, 2, 4, 5])]],
  "a host twice": [[group("a", [1, 2, 3])], [group("a", [1, 2, 1, 3])]],
  "equal weights": [
    [group("a", [1, 2, 3])],
    [{ zone: "a", hosts: [1, 2, 3].map((number) => host(number, { weight: 3 })) }],
  ],
  "hosts to another priority": [[group("a", [1, 2, 3, 4])], [group("a", [1, 2]), group("a", [3, 4], { priority: 1 })]],
  "hosts to another place": [
    [group("a", [1, 2, 3]), group("b", [4, 5])],
    [group("a", [4, 2]), group("b", [1, 5, 3])],
  ],
  "an empty place": [[group("a", [1, 2, 3])], [group("b", []), group("a", [1, 2, 3])]],
};

/** Compares the rotations around {@link REPLACEMENTS}. */
export async function compareReplacements(checks: Checks): Promise<void> {
  const steps = Object.values(REPLACEMENTS).map((each) => each.map((groups) => assignmentOf(groups)));
  const clusters = steps.map((_, index): Json => {
    return { name: `e${index}`, type: "EDS", common_lb_config: { update_merge_window: "0s" } };
  });
  const assignments = Object.fromEntries(steps.map(([before], index) => [`e${index}`, before as Json]));
  await using rig = await startRig({ clusters, assignments });
  for (const [index, name] of Object.keys(REPLACEMENTS).entries()) {
    const [before, after] = steps[index] as [Json, Json];
    const requests = Array.from({ length: PICKS }, () => ({ cluster: `e${index}` }));
    const first = await rig.picks(requests);
    await rig.assign(`e${index}`, after);
    const seen = [first, await rig.picks(requests)].map(String).join(" | ");
    const options = optionsOf(clusters[index] as Json, before);
    const fits = Array.from({ length: STARTS }).some((_, start) => {
      const ours = clusterOf(options, () => (start + 0.5) / SEEDS);
      const picks = (): string => String(requests.map(() => pick(ours)));
      const own = picks();
      if (own !== String(first)) return false;
      ours.update({ replace: endpointsOf(after) });
      return `${own} | ${picks()}` === seen;
    });
    checks.hold(
      `rotation after a replacement: ${name}`,
      fits,
      fits ? `${2 * PICKS} requests` : `no start gives ${seen}`,
    );
  }
}

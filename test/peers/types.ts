/** Bootstraps through Envoy's own loader and checks: the verdict must be ours. */
import { formatIssue, parseResources } from "@weftmesh/xds-types";
import { envoyRefuses } from "./envoy.js";
import type { Peer } from "./peer.js";
import { type BootstrapCase, bootstraps } from "./types/bootstraps.js";
import { compareCompiledIn } from "./types/compiled-in.js";

/** What Envoy finds only when it builds what is configured: meaning, which the compilers judge, not structure. */
const meaning: readonly { readonly name: string; readonly text: RegExp }[] = [
  { name: "a reference to a cluster that is not there", text: /unknown cluster/ },
  { name: "a negative duration where no rule forbids it", text: /Invalid duration: Expected positive duration/ },
  { name: "an endpoint without an address", text: /Address must be set/ },
  { name: "a percentage that is no number, found when it is converted", text: /Value not in the range of 0\.\.100/ },
  { name: "a statistics tag without a pattern", text: /No regex specified for tag specifier/ },
];

export const peer: Peer = {
  name: "types",
  requires: ["envoy"],
  async run({ cases, seed, log }) {
    let passed = 0;
    let failed = 0;
    const next = bootstraps(seed, Math.max(cases, 300))[Symbol.iterator]();
    const work = async (): Promise<void> => {
      for (let each = next.next(); each.done !== true; each = next.next()) {
        const problem = await compare(each.value);
        if (problem === undefined) passed += 1;
        else {
          failed += 1;
          log(`FAIL ${each.value.name}: ${problem}`);
        }
      }
    };
    await Promise.all([work(), work()]);
    const { equal, fields, absent, differences } = compareCompiledIn();
    for (const difference of differences) log(`FAIL compiled into Envoy: ${difference}`);
    log(
      `schema: ${equal} files with ${fields} fields and values are compiled into Envoy as here, ${absent} are not linked`,
    );
    // A binary without any descriptor was read wrongly.
    return { passed: passed + equal, failed: failed + differences.length + (equal === 0 ? 1 : 0) };
  },
};

async function compare({ bootstrap }: BootstrapCase): Promise<string | undefined> {
  let refused = await envoyRefuses(bootstrap);
  // On a busy machine the process may be gone before its last words are read; without them the reason is unknown.
  for (let again = 0; again < 3 && refused === ""; again += 1) refused = await envoyRefuses(bootstrap);
  const text = JSON.stringify(bootstrap);
  const first = parseResources(text, { type: "envoy.config.bootstrap.v3.Bootstrap" }).issues.find(
    (issue) => issue.severity !== "warning",
  );
  if ((refused === undefined) === (first === undefined)) return undefined;
  if (first !== undefined) return `Envoy accepts, we refuse: ${formatIssue(first)}`;
  if (meaning.some(({ text: pattern }) => pattern.test(refused ?? ""))) return undefined;
  return `we accept, Envoy refuses: ${refused?.slice(-400)}`;
}

/** `npx pnpm run peers [NAME] [--cases N] [--seed S]`: differential tests against real programs. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { repositoryRoot } from "../conformance/suite.js";
import { installEnvoy, type Peer, type PeerOptions, type PeerResult } from "./peer.js";
import { isRequired, missing, type Requirement } from "./requirement.js";

const FRAME = ["envoy", "main", "peer", "requirement"];

const USAGE = `usage: npx pnpm run peers [NAME] [--cases N] [--seed S] [--harness PATH]
       npx pnpm run peers --install

Compares the packages with real programs, installed into .peers/.
--install  only installs Envoy
--cases N  generated cases a peer (default 200)
--seed S   where the generators start (default 1)
--harness PATH  for xds-harness: the built public xDS test harness, which nobody can install
WEFTMESH_REQUIRE=netns,envoy,go turns a missing requirement from a skip into a failure.`;

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: args.filter((arg) => arg !== "--"),
    options: {
      cases: { type: "string", default: "200" },
      seed: { type: "string", default: "1" },
      harness: { type: "string" },
      install: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
    allowPositionals: true,
  });
  // Listed from the sources: a built file whose source is gone must not run.
  const names = readdirSync(join(repositoryRoot, "test", "peers"))
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
    .map((file) => file.slice(0, -3))
    .filter((name) => !FRAME.includes(name))
    .sort();
  const cases = Number(values.cases);
  const seed = Number(values.seed);
  const [name] = positionals;
  const wrong =
    positionals.length > 1 ||
    (name !== undefined && !names.includes(name)) ||
    !Number.isSafeInteger(cases) ||
    cases < 1 ||
    !Number.isSafeInteger(seed);
  if (values.help || wrong) {
    (wrong ? console.error : console.log)(`${USAGE}\nPeers: ${names.join(", ")}`);
    return wrong ? 2 : 0;
  }
  if (values.install) {
    console.log(await installEnvoy((line) => console.log(line)));
    return 0;
  }
  let passed = 0;
  let failed = 0;
  for (const each of name === undefined ? names : [name]) {
    const result = await runPeer(each, { cases, seed, harness: values.harness });
    if (result === undefined) continue;
    passed += result.passed;
    failed += result.failed;
    const skipped = result.skipped === undefined ? "" : `, skipped: ${result.skipped}`;
    console.log(`${each}: ${result.passed} passed, ${result.failed} failed${skipped}`);
  }
  console.log(`${passed} passed, ${failed} failed`);
  return failed > 0 ? 1 : 0;
}

async function runPeer(name: string, options: Omit<PeerOptions, "log">): Promise<PeerResult | undefined> {
  const log = (line: string): void => console.log(`${name}: ${line}`);
  try {
    const module = (await import(new URL(`./${name}.js`, import.meta.url).href)) as { readonly peer?: Peer };
    // A file that several peers share.
    if (module.peer === undefined) return undefined;
    for (const requirement of module.peer.requires) {
      const reason = await lacking(requirement, log);
      if (reason === undefined) continue;
      if (isRequired(requirement)) {
        log(`FAIL WEFTMESH_REQUIRE names ${requirement}, but: ${reason}`);
        return { passed: 0, failed: 1 };
      }
      return { passed: 0, failed: 0, skipped: reason };
    }
    const result = await module.peer.run({ ...options, log });
    if (result.skipped !== undefined && module.peer.requires.some(isRequired)) {
      log(`FAIL something was skipped although it is required: ${result.skipped}`);
      return { ...result, failed: result.failed + 1 };
    }
    if (result.passed + result.failed === 0 && result.skipped === undefined) {
      log("FAIL nothing was compared");
      return { passed: 0, failed: 1 };
    }
    return result;
  } catch (error) {
    log(`FAIL ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return { passed: 0, failed: 1 };
  }
}

async function lacking(requirement: Requirement, log: (line: string) => void): Promise<string | undefined> {
  if (requirement === "envoy" && missing("envoy") !== undefined) {
    try {
      await installEnvoy(log);
    } catch (error) {
      return `Envoy could not be installed: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
  return missing(requirement);
}

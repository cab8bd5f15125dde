/** `npx pnpm conform SUITE [DIR]`: runs one conformance suite against the built packages. */
import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { conformanceDir, formatFailure, runSuite, type Suite } from "./suite.js";

/** The suites, by the name of their folder. Each adapter stands in the file of that name. */
const SUITES = [
  "iptables",
  "nftables",
  "iptables_random",
  "lb",
  "envoy_lb",
  "cert",
  "router_check",
  "envoy_routes",
  "envoy_rbac",
  "envoy_filter_chain",
] as const;

type SuiteName = (typeof SUITES)[number];

const USAGE = `usage: npx pnpm conform SUITE [DIR]
       npx pnpm conform --list

Runs every case under DIR (default ../shared/conformance/SUITE) against the built packages.
Suites: ${SUITES.join(", ")}
Exit: 0 everything that ran passed and something ran, 1 otherwise, 2 wrong usage`;

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const [name, dir, ...rest] = args;
  if (name === "--help" || name === "-h") {
    console.log(USAGE);
    return 0;
  }
  if (name === "--list") {
    console.log(SUITES.join("\n"));
    return 0;
  }
  if (name === undefined || !isSuiteName(name) || rest.length > 0) {
    console.error(name === undefined || rest.length > 0 ? USAGE : `unknown suite ${JSON.stringify(name)}\n\n${USAGE}`);
    return 2;
  }
  const folder = resolve(dir ?? conformanceDir(name));
  if (!existsSync(folder) || !statSync(folder).isDirectory()) {
    console.error(`${folder}: not a directory`);
    return 2;
  }
  const suite = await load(name);
  if (suite === undefined) {
    console.log(`FAIL ${name}: expected an adapter test/conformance/${fileOf(name)}.ts, got none`);
    console.log("0 passed, 1 failed");
    return 1;
  }
  const { passed, failures } = await runSuite(suite, folder, (failure) => console.log(formatFailure(failure)));
  if (passed + failures.length === 0) console.log(`FAIL ${name}: expected cases under ${folder}, got none`);
  console.log(`${passed} passed, ${failures.length} failed`);
  return passed > 0 && failures.length === 0 ? 0 : 1;
}

function isSuiteName(name: string): name is SuiteName {
  return (SUITES as readonly string[]).includes(name);
}

/** File names are kebab-case, folder names of the data are not. */
function fileOf(name: SuiteName): string {
  return name.replaceAll("_", "-");
}

async function load(name: SuiteName): Promise<Suite | undefined> {
  for (const file of [fileOf(name), name]) {
    const url = new URL(`./${file}.js`, import.meta.url);
    if (existsSync(url)) return ((await import(url.href)) as { readonly suite: Suite }).suite;
  }
  return undefined;
}

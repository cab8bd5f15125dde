/**
 * What a test may need beyond node and npm. Without it the test skips and says why, unless `WEFTMESH_REQUIRE` names it
 * (`WEFTMESH_REQUIRE=netns,envoy,go`): then it fails, so that CI cannot pass by skipping.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "../conformance/suite.js";

/**
 * - `netns`: root that may make network namespaces, and `iptables` and `nft` to fill them
 * - `envoy`: an Envoy binary
 * - `go`: a Go tool chain that can reach its modules
 */
export type Requirement = "netns" | "envoy" | "go";

/** Programs installed for the peers live here; git ignores the folder. */
export const peersFolder: string = join(repositoryRoot, ".peers");

/** Why the requirement is not met, or `undefined` if it is. */
export function missing(requirement: Requirement): string | undefined {
  switch (requirement) {
    case "netns":
      return missingNamespaces();
    case "envoy":
      return findEnvoy() === undefined ? "no Envoy: `npx pnpm run peers` installs one with Python's pip" : undefined;
    case "go":
      return runs("go", ["version"]) ? undefined : "no Go tool chain";
  }
}

/** Whether `WEFTMESH_REQUIRE` names it: a missing requirement is then a failure. */
export function isRequired(requirement: Requirement): boolean {
  return (process.env["WEFTMESH_REQUIRE"] ?? "").split(",").includes(requirement);
}

/**
 * For vitest: `describe.skipIf(skipReason("netns") !== undefined)`.
 *
 * @throws Error if the requirement is not met although `WEFTMESH_REQUIRE` names it.
 */
export function skipReason(...requirements: readonly Requirement[]): string | undefined {
  for (const requirement of requirements) {
    const reason = missing(requirement);
    if (reason === undefined) continue;
    if (isRequired(requirement)) throw new Error(`WEFTMESH_REQUIRE names ${requirement}, but: ${reason}`);
    return reason;
  }
  return undefined;
}

/** An Envoy: the one `ENVOY_PATH` names, the one `npx pnpm run peers` installed, or the one on the PATH. */
export function findEnvoy(): string | undefined {
  const candidates = [process.env["ENVOY_PATH"], join(peersFolder, "venv", "bin", "envoy"), "envoy"];
  return candidates.find(
    (path) => path !== undefined && (path === "envoy" || existsSync(path)) && runs(path, ["--version"]),
  );
}

function missingNamespaces(): string | undefined {
  if (process.getuid?.() !== 0) return "not root: network namespaces and rules need it";
  for (const [command, flag] of [
    ["ip", "-V"],
    ["iptables", "--version"],
    ["ip6tables", "--version"],
    ["nft", "--version"],
  ] as const) {
    if (!runs(command, [flag])) return `no ${command} command`;
  }
  if (!runs("unshare", ["--net", "true"])) return "this root may not make network namespaces";
  return undefined;
}

function runs(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore", timeout: 30_000 }).status === 0;
}

/** A headless Chromium, where there is one: Debian's `chromium` or `chromium-headless-shell`. */
import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";

const names = [process.env["CHROMIUM_PATH"], "chromium-headless-shell", "chromium", "chromium-browser"];

/** Its command, or `undefined`. */
export function findChromium(): string | undefined {
  return names.find((name) => name !== undefined && spawnSync(name, ["--version"], { timeout: 30_000 }).status === 0);
}

/**
 * Why tests that need it are skipped; `undefined` if it is there.
 *
 * @throws Error if it is not there although `WEFTMESH_REQUIRE` names `chromium`.
 */
export function skipWithoutChromium(): string | undefined {
  if (findChromium() !== undefined) return undefined;
  const reason = "no Chromium: `apt-get install chromium-headless-shell`";
  if ((process.env["WEFTMESH_REQUIRE"] ?? "").split(",").includes("chromium")) {
    throw new Error(`WEFTMESH_REQUIRE names chromium, but: ${reason}`);
  }
  return reason;
}

/** Loads a page and returns its document as it is when the scripts have run. */
export async function dumpDom(url: string): Promise<string> {
  const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--dump-dom"];
  const { stdout } = await promisify(execFile)(findChromium() ?? "chromium", [...flags, url], { timeout: 60_000 });
  return stdout;
}

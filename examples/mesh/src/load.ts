import { performance } from "node:perf_hooks";
import { Pool } from "undici";

/** Which requests to send, and how many at a time. */
export interface LoadOptions {
  /** The outbound port of the sidecar that sends them. */
  readonly port: number;
  /** The service to ask. Default: `front`. */
  readonly service?: string;
  /** The path. Default: `/reviews`, which the front answers with the help of the reviews. */
  readonly path?: string;
  /** Further header fields. */
  readonly headers?: Readonly<Record<string, string>>;
  /** How many requests are in flight. Default: 16. */
  readonly concurrency?: number;
  /** How many to send in all. Default: until {@link LoadOptions.signal}. */
  readonly requests?: number;
  /** At most so many in a second. Default: as many as go. */
  readonly perSecond?: number;
  /** Ends it; requests in flight are waited for. */
  readonly signal?: AbortSignal;
  /** Called after each answer. */
  readonly onSample?: (sample: Sample, total: number) => void;
}

/** One request and its answer. */
export interface Sample {
  /** HTTP status; 0 if there was none. */
  readonly status: number;
  /** Which version of the reviews took part, if the answer says. */
  readonly version: string;
  /** From sending to the end of the answer. */
  readonly ms: number;
  /** When the answer was complete, on `performance.now()`. */
  readonly at: number;
}

/** All answers of a load. */
export class Samples {
  readonly all: Sample[] = [];

  /** How many requests there were. */
  get requests(): number {
    return this.all.length;
  }

  /** Those that did not succeed. */
  get failures(): readonly Sample[] {
    return this.all.filter(({ status }) => status !== 200);
  }

  /** How many of the answers came by way of a version. */
  of(version: string): number {
    return this.all.filter((sample) => sample.version === version).length;
  }

  /** The latency that this share of the requests does not exceed. */
  quantile(share: number): number {
    const sorted = this.all.map(({ ms }) => ms).sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  }
}

/** Sends requests, each worker the next one when its last is answered, and keeps every answer. */
export async function load(options: LoadOptions): Promise<Samples> {
  const {
    port,
    service = "front",
    path = "/reviews",
    concurrency = 16,
    requests = Infinity,
    perSecond,
    signal,
    onSample,
  } = options;
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: concurrency });
  const headers = { ...options.headers, host: service };
  const samples = new Samples();
  const begun = performance.now();
  let sent = 0;

  async function worker(): Promise<void> {
    while (sent < requests && !signal?.aborted) {
      const due = perSecond === undefined ? 0 : begun + (sent * 1000) / perSecond - performance.now();
      sent++;
      if (due > 0) await new Promise((resolve) => setTimeout(resolve, due));
      const started = performance.now();
      const { status, version } = await ask();
      const at = performance.now();
      const sample = { status, version, ms: at - started, at };
      samples.all.push(sample);
      onSample?.(sample, samples.all.length);
    }
  }

  async function ask(): Promise<Pick<Sample, "status" | "version">> {
    try {
      const { statusCode, headers: got, body } = await pool.request({ path, method: "GET", headers });
      await body.dump();
      return { status: statusCode, version: String(got["x-reviews-version"] ?? "") };
    } catch {
      return { status: 0, version: "" };
    }
  }

  await Promise.all(Array.from({ length: Math.min(concurrency, requests) }, worker));
  await pool.close();
  return samples;
}

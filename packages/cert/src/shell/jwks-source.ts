import type { Scheduler } from "../clock.js";
import { CertError } from "../errors.js";
import { initialJwks, type JwksState, parseJwks, stepJwks } from "../jwks.js";
import type { JwtAuthority } from "../trust-bundle.js";
import { systemScheduler } from "./clock.js";
import { Waiters } from "./waiters.js";

/** How keys are fetched. All times are milliseconds. */
export interface JwksOptions {
  /** Where they are: https, or http on loopback. */
  readonly url: string;
  /** How long fetched keys are good for. Default: 600,000, as Envoy's. */
  readonly cacheMs?: number;
  /** How long to wait after a failure. Default: 1,000, as Envoy's. */
  readonly failedRefetchMs?: number;
  /** How long a request may take. Default: 5,000. */
  readonly timeoutMs?: number;
  /** Called after each failure; the keys that came last stay. */
  readonly onFailure?: (error: unknown) => void;
  /** Time of day and timers. Default: the system's. */
  readonly scheduler?: Scheduler;
}

/** Keys that are fetched anew from time to time. */
export interface JwksSource extends Disposable {
  /** The keys now: for the `keys` of a `UserJwtProvider`, asked for each token. */
  keys(): readonly JwtAuthority[];
  /**
   * Waits for the first keys.
   *
   * @throws {@link CertError} `ERR_CERT_JWKS` if the source is disposed of.
   */
  ready(): Promise<void>;
  /** What is held, since when, and when it is asked for again. */
  status(): JwksState;
}

const MAX_BYTES = 1024 * 1024;
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

function fail(problem: string): CertError {
  return new CertError("ERR_CERT_JWKS", "jwks", problem);
}

function checkedUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const safe = url?.protocol === "https:" || (url?.protocol === "http:" && LOOPBACK.test(url.hostname));
  // Whoever is on the way of plain text can put in a key of their own.
  if (!url || !safe || url.username !== "" || url.password !== "") {
    throw fail("expected an https URL without user information, or http on loopback");
  }
  return url;
}

async function fetchKeys(url: URL, timeoutMs: number): Promise<readonly JwtAuthority[]> {
  const answer = await fetch(url, { redirect: "error", signal: AbortSignal.timeout(timeoutMs) });
  if (answer.status !== 200 || answer.body === null) {
    await answer.body?.cancel();
    throw fail(`the answer has status ${answer.status}`);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body) {
    size += chunk.length;
    if (size > MAX_BYTES) throw fail(`larger than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return parseJwks(Buffer.concat(chunks).toString("utf8"));
}

/**
 * Fetches the keys of an issuer and keeps them fresh, as Envoy does in the background. While the issuer cannot be
 * reached the keys that came last stay.
 *
 * @throws {@link CertError} `ERR_CERT_JWKS` for an address that may not be used.
 */
export function jwksSource(options: JwksOptions): JwksSource {
  const url = checkedUrl(options.url);
  const scheduler = options.scheduler ?? systemScheduler;
  const policy = { cacheMs: options.cacheMs ?? 600_000, failedRefetchMs: options.failedRefetchMs ?? 1000 };
  let state = initialJwks;
  let timer: Disposable | undefined;
  let disposed = false;
  const waiters = new Waiters<void>();
  const poll = async (): Promise<void> => {
    try {
      const keys = await fetchKeys(url, options.timeoutMs ?? 5000);
      if (disposed) return;
      state = stepJwks(state, { kind: "fetched", keys }, policy, scheduler.now());
      waiters.resolve();
    } catch (error) {
      if (disposed) return;
      state = stepJwks(state, { kind: "failed" }, policy, scheduler.now());
      options.onFailure?.(error);
    }
    timer = scheduler.after(state.nextAt - scheduler.now(), () => void poll());
  };
  void poll();
  return {
    keys: () => state.keys,
    async ready() {
      if (disposed) throw fail("it has been disposed of");
      if (state.fetchedAt === undefined) await waiters.wait();
    },
    status: () => state,
    [Symbol.dispose]() {
      disposed = true;
      timer?.[Symbol.dispose]();
      waiters.reject(fail("it has been disposed of"));
    },
  };
}

import type { Random } from "./clock.js";

/** How a certificate is kept fresh. */
export interface RotationPolicy {
  /** The part of the lifetime after which to renew, 0–1. */
  readonly ratio: number;
  /** By how much chance moves the ratio, either way, 0–1. */
  readonly jitter: number;
  /** The first wait after a failure, in milliseconds; it doubles each time. */
  readonly backoffBaseMs: number;
  /** The longest wait after a failure, in milliseconds; a tenth of the lifetime if that is less. */
  readonly backoffMaxMs: number;
}

/** What a rotation is doing. */
export interface RotationStatus {
  /** `starting`: no certificate yet. `fresh`: all is well. `retrying`: renewal fails, the old one is served. `expired`: what is served is over. */
  readonly phase: "starting" | "fresh" | "retrying" | "expired";
  /** How many certificates have been installed. */
  readonly renewals: number;
  /** How many attempts have failed in a row. */
  readonly failures: number;
  /** When the next attempt is due, milliseconds since 1970. */
  readonly nextAt: number;
  /** When the certificate in use ends, milliseconds since 1970; 0 if there is none. */
  readonly notAfter: number;
}

/** The state of a rotation. */
export interface RotationState extends RotationStatus {
  /** Whether a request is on its way. */
  readonly requesting: boolean;
  /** How long to wait for {@link RotationStatus.nextAt} by a clock that nobody sets, in milliseconds. */
  readonly waitMs: number;
  /** How much of the lifetime was left when the certificate came, in milliseconds. */
  readonly lifetimeMs: number;
}

/** What can happen to a rotation. */
export type RotationEvent =
  | { readonly kind: "start" }
  | { readonly kind: "woken"; readonly sleptMs: number }
  | { readonly kind: "installed"; readonly notAfter: number }
  | { readonly kind: "failed" }
  | { readonly kind: "renew" };

/** What the shell is to do. */
export type RotationEffect = { readonly kind: "request" } | { readonly kind: "sleep"; readonly ms: number };

/** Nothing yet. */
export const initialRotation: RotationState = {
  phase: "starting",
  renewals: 0,
  failures: 0,
  nextAt: 0,
  notAfter: 0,
  requesting: false,
  waitMs: 0,
  lifetimeMs: 0,
};

/** How often the time of day is looked at: a clock that was set is noticed after a minute at the latest. */
const LONGEST_SLEEP_MS = 60_000;

type Step = readonly [RotationState, readonly RotationEffect[]];

function sleep(state: RotationState, waitMs: number, now: number): Step {
  const next = { ...state, requesting: false, waitMs, nextAt: now + waitMs };
  return [next, [{ kind: "sleep", ms: Math.min(waitMs, LONGEST_SLEEP_MS) }]];
}

function request(state: RotationState, now: number): Step {
  if (state.requesting) return [state, []];
  return [{ ...state, requesting: true, nextAt: now, waitMs: 0 }, [{ kind: "request" }]];
}

/** Before the first certificate and after a failure the phase says what is still being served. */
function servedPhase(state: RotationState, now: number): RotationStatus["phase"] {
  if (state.notAfter === 0) return "starting";
  if (now > state.notAfter) return "expired";
  return state.failures > 0 ? "retrying" : "fresh";
}

/**
 * Takes one step of a rotation. The certificate in use is never given up: it serves until its own end, however often
 * renewal fails.
 *
 * @param now - Milliseconds since 1970.
 * @param random - Drawn once for each wait.
 */
export function stepRotation(
  state: RotationState,
  event: RotationEvent,
  policy: RotationPolicy,
  now: number,
  random: Random,
): Step {
  switch (event.kind) {
    case "start":
    case "renew":
      return request(state, now);
    case "installed": {
      // Counted from receipt, as istio's agent does: a slow answer must not eat into the time that is left.
      const lifetimeMs = Math.max(0, event.notAfter - now);
      const part = Math.min(1, Math.max(0, policy.ratio + (random() * 2 - 1) * policy.jitter));
      const next = { ...state, failures: 0, renewals: state.renewals + 1, notAfter: event.notAfter, lifetimeMs };
      // An answer that is over when it comes would otherwise be asked for again at once, for ever.
      const waitMs = Math.max(part * lifetimeMs, Math.min(policy.backoffBaseMs, 1000));
      return sleep({ ...next, phase: servedPhase(next, now) }, waitMs, now);
    }
    case "failed": {
      const failures = state.failures + 1;
      const most = Math.min(
        policy.backoffMaxMs,
        Math.max(policy.backoffBaseMs, state.lifetimeMs / 10 || policy.backoffMaxMs),
      );
      const wait = Math.min(most, policy.backoffBaseMs * 2 ** Math.min(30, failures - 1));
      const next = { ...state, failures };
      return sleep({ ...next, phase: servedPhase(next, now) }, wait * (0.9 + 0.2 * random()), now);
    }
    case "woken": {
      if (state.requesting) return [state, []];
      const waitMs = state.waitMs - event.sleptMs;
      const phase = servedPhase(state, now);
      // Either clock may say that it is time: the time of day may have been set, in both directions.
      if (waitMs <= 0 || now >= state.nextAt) return request({ ...state, phase }, now);
      const left = Math.min(waitMs, state.nextAt - now, LONGEST_SLEEP_MS);
      return [{ ...state, phase, waitMs }, [{ kind: "sleep", ms: left }]];
    }
  }
}

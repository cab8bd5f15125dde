/** How many new streams are let in; the others wait (F3). */
export interface AdmissionConfig {
  /** Streams a second. Istio: 15 and 5 for each core, at most 100. */
  readonly perSecond: number;
  /** Streams at once after a quiet time. Default: as many as in a second. */
  readonly burst?: number;
}

/** The state of an admission: tokens, and when they were counted. */
export interface Admission {
  /** Streams that may come in; negative when others wait already. */
  readonly tokens: number;
  /** Monotonic milliseconds. */
  readonly at: number;
}

/** Nobody has come yet. */
export function openAdmission({ perSecond, burst = perSecond }: AdmissionConfig, now: number): Admission {
  return { tokens: burst, at: now };
}

/**
 * Lets the next stream in.
 *
 * @returns How many milliseconds its first answer has to wait; those that come later wait longer.
 */
export function admit(
  { tokens, at }: Admission,
  { perSecond, burst = perSecond }: AdmissionConfig,
  now: number,
): { readonly state: Admission; readonly waitMs: number } {
  const left = Math.min(burst, tokens + ((now - at) * perSecond) / 1000) - 1;
  return { state: { tokens: left, at: now }, waitMs: left >= 0 ? 0 : (-left * 1000) / perSecond };
}

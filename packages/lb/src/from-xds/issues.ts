import { type Issue, LbError, type LbErrorCode } from "../errors.js";

/** `google.protobuf.Duration` as a message holds it. */
export interface Duration {
  readonly seconds?: bigint;
  readonly nanos?: number;
}

/** Collects problems while messages are read, with paths in proto spelling. */
export class IssueList {
  readonly issues: Issue[] = [];

  add(path: string, message: string, code: LbErrorCode = "ERR_LB_CONFIG_INVALID"): void {
    this.issues.push({ code, path, message });
  }

  /** Makes a policy; what it refuses is noted at the place its field has in the message. */
  build<T>(make: () => T, place: (field: string) => string): T | undefined {
    try {
      return make();
    } catch (error) {
      if (!(error instanceof LbError)) throw error;
      for (const issue of error.issues) this.issues.push({ ...issue, path: place(issue.path) });
      return undefined;
    }
  }

  /** A duration in milliseconds; negative ones are reported. */
  durationMs(path: string, duration: Duration | undefined): number | undefined {
    if (duration === undefined) return undefined;
    const ms = Number(duration.seconds ?? 0n) * 1000 + (duration.nanos ?? 0) / 1e6;
    if (ms < 0) this.add(path, `must not be negative, got ${ms} ms`);
    return ms;
  }
}

/** The properties that have a value: optional settings stay absent instead of being set to undefined. */
export function definedOnly<T extends object>(values: { readonly [K in keyof T]?: T[K] | undefined }): T {
  // Dropping the undefined ones is exactly what tells the two types apart.
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
}

/** The name of an enum value; what this version does not know reads as absent. */
export function enumName<T extends string>(value: T | number | undefined): T | undefined {
  return typeof value === "number" ? undefined : value;
}

/** A field's name in proto spelling. */
export function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

import type { NoHostReason } from "./pick.js";

/** One step of a choice: what was looked at and what came of it. */
export type TraceStep =
  /** Each priority's share of the draw, in percent, and what was drawn (1–100). */
  | {
      readonly step: "priority";
      readonly healthyLoad: readonly number[];
      readonly degradedLoad: readonly number[];
      readonly draw: number;
      readonly priority: number;
      readonly health: "healthy" | "degraded";
    }
  /** The list the policy chose from. */
  | {
      readonly step: "source";
      readonly source: "all" | "healthy" | "degraded";
      readonly panic: boolean;
      readonly locality?: string;
      readonly zone?: string;
      readonly candidates: number;
    }
  /** The subset the request fell into, or the fallback it took. */
  | { readonly step: "subset"; readonly subset: string; readonly fallback?: string }
  /** A host the policy chose. */
  | { readonly step: "host"; readonly policy: string; readonly address: string }
  /** A host that was drawn and passed over. */
  | { readonly step: "rejected"; readonly address: string; readonly why: string }
  /** A limit that was looked at. */
  | {
      readonly step: "admission";
      readonly resource: string;
      readonly current: number;
      readonly max: number;
      readonly open: boolean;
    };

/** Collects {@link TraceStep}s. */
export type Trace = TraceStep[];

/** Why a request would go where it goes. */
export interface Explanation {
  /** Address of the host, if there is one. */
  readonly address?: string;
  /** Why there is none. */
  readonly reason?: NoHostReason;
  /** What was looked at, in order. */
  readonly steps: readonly TraceStep[];
}

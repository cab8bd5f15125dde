import type { NoHostReason } from "./pick.js";

/** Whether `drop_overloads` takes the request; the step is missing when nothing is to be dropped. */
export interface DropStep {
  /** Tells the steps apart. */
  readonly step: "drop";
  /** Whether it does. */
  readonly dropped: boolean;
  /** The category that does. */
  readonly category?: string;
}

/** Each priority's share of the draw, and where the draw fell. */
export interface PriorityStep {
  /** Tells the steps apart. */
  readonly step: "priority";
  /** Percent of traffic for the healthy hosts of each priority. */
  readonly healthyLoad: readonly number[];
  /** Percent of traffic for the degraded hosts of each priority. */
  readonly degradedLoad: readonly number[];
  /** What was drawn, 1–100. */
  readonly draw: number;
  /** The priority it fell on. */
  readonly priority: number;
  /** Whether on its healthy or its degraded hosts. */
  readonly health: "healthy" | "degraded";
}

/** The list the policy chose from. */
export interface SourceStep {
  /** Tells the steps apart. */
  readonly step: "source";
  /** Which hosts of the priority. */
  readonly source: "all" | "healthy" | "degraded";
  /** Whether it is all of them because too few are available. */
  readonly panic: boolean;
  /** The locality that was chosen, as JSON of region, zone and sub-zone. */
  readonly locality?: string;
  /** Hosts in the list. */
  readonly candidates: number;
}

/** The subset the request fell into, or the fallback it took. */
export interface SubsetStep {
  /** Tells the steps apart. */
  readonly step: "subset";
  /** Keys and values asked for, as JSON. */
  readonly subset: string;
  /** The fallback, if no subset matched. */
  readonly fallback?: string;
}

/** A host the policy chose. */
export interface HostStep {
  /** Tells the steps apart. */
  readonly step: "host";
  /** Name of the policy. */
  readonly policy: string;
  /** Address of the host. */
  readonly address: string;
}

/** A host that was drawn and passed over. */
export interface RejectedStep {
  /** Tells the steps apart. */
  readonly step: "rejected";
  /** Address of the host. */
  readonly address: string;
  /** The reason, as a sentence. */
  readonly why: string;
}

/** A limit that was looked at. */
export interface AdmissionStep {
  /** Tells the steps apart. */
  readonly step: "admission";
  /** What is limited. */
  readonly resource: string;
  /** Units in use. */
  readonly current: number;
  /** Units there are. */
  readonly max: number;
  /** Whether the breaker is open, so that nothing is admitted. */
  readonly open: boolean;
}

/** One step of a choice: what was looked at and what came of it. */
export type TraceStep = DropStep | PriorityStep | SourceStep | SubsetStep | HostStep | RejectedStep | AdmissionStep;

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

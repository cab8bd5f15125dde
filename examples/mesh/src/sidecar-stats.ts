/** What a sidecar tells on `GET /stats`. */
export interface SidecarStats {
  readonly node: string;
  /** How many sets of configuration were put to work. */
  readonly generation: number;
  readonly identity: {
    readonly phase: string;
    /** How many certificates were installed. */
    readonly renewals: number;
    /** The serial number of the leaf in use, in hexadecimal. */
    readonly serial: string;
    /** The serial number of the root that issued it. */
    readonly issuer: string;
    /** The serial numbers of the roots that are trusted. */
    readonly roots: readonly string[];
  };
  /** Occurrences, such as `denied.rbac`. */
  readonly counters: Readonly<Record<string, number>>;
  /** The counters of each cluster by Envoy's names. */
  readonly clusters: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Ejections and returns of hosts, answers to the control plane: the last thousand. */
  readonly events: readonly Readonly<Record<string, unknown>>[];
}

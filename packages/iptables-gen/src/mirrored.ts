/** The program whose behaviour this package reproduces, and the commit it was compared with. */
export const MIRRORED: Mirrored = {
  program: "istio/istio istio-iptables",
  commit: "86c9f01fd735fb01d8192f5bcaf0d424afb7f14c",
};

/** A program and the version of it that is reproduced. */
export interface Mirrored {
  /** Repository and name. */
  readonly program: string;
  /** Commit, 40 digits. */
  readonly commit: string;
}

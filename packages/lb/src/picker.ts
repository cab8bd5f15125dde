import type { HostState } from "./host-state.js";
import type { PickContext } from "./pick.js";

/** Chooses from one list of hosts and keeps the rotation state of that list. */
export interface Picker {
  /**
   * Gives the list; called again after it, its order or a weight in it changed. Does no work itself.
   *
   * @param changed - The hosts that came, went or changed since the last call; any when absent.
   */
  use(hosts: readonly HostState[], changed?: readonly HostState[]): void;
  /** A host of the list; nothing only if it is empty. Allocates nothing. */
  pick(context: PickContext): HostState | undefined;
  /** Position of the rotation, for snapshots. */
  position?: number;
}

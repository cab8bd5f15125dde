import type { CorsRule } from "./cors.js";
import type { Decision, RouteContext } from "./decision.js";
import type { FilterConfigs } from "./filter-config.js";
import type { Level } from "./level.js";
import type { MirrorRule } from "./mirror.js";
import type { RouteRequest } from "./request.js";

/** What a table's decisions need of the table itself. */
export interface TableLevel extends Level {
  readonly mostSpecificWins: boolean;
  readonly mirrors: readonly MirrorRule[] | undefined;
  readonly filterConfigs: FilterConfigs | undefined;
  readonly cors: CorsRule | undefined;
  /** Decides another request by the same table: where an internal redirect leads. */
  readonly reroute: (request: RouteRequest, context: RouteContext) => Decision;
}

import type { Finding } from "./resource.js";

/** What a watcher sees: the state of its resources after something changed. States in between may be skipped. */
export interface WatchUpdate<T> {
  /** All resources the watch currently holds, by name; unchanged messages keep their identity. */
  readonly resources: ReadonlyMap<string, T>;
  /** The versions of those resources, by name. */
  readonly versions: ReadonlyMap<string, string>;
  /** Names that are new or whose content differs from the previous update. */
  readonly updated: readonly string[];
  /** Names that were held at the previous update and are gone. */
  readonly removed: readonly string[];
  /** Names asked for that the server says, or by its silence shows, do not exist. */
  readonly missing: readonly string[];
  /** Problems, by resource name, or under `"*"` when they concern the stream. Whatever is held stays held. */
  readonly errors: ReadonlyMap<string, WatchError>;
}

/** Why a resource, or the connection, is not as it should be. */
export interface WatchError {
  /** `"rejected"`: refused by this client; `"server"`: the server reported it; `"connection"`: no answer can be had. */
  readonly kind: "rejected" | "server" | "connection";
  /** Whether it may pass by itself; a data error (gRFC A88) does not. */
  readonly transient: boolean;
  /** One line. */
  readonly message: string;
  /** For `"rejected"`, what was found, with paths. */
  readonly findings?: readonly Finding[];
}

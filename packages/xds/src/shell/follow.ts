import type { ClientType } from "../client/entry.js";
import { openClientType } from "../client/entry.js";
import { interestIn } from "../client/interest.js";
import { judge } from "../client/judge.js";
import { takeResponse } from "../client/response.js";
import { clientRules } from "../client/rules.js";
import { watchUpdate } from "../client/watch-update.js";
import type { Finding, MessageResource, ResourceType } from "../resource.js";
import type { WatchError, WatchUpdate } from "../watch.js";
import type { DiscoveryResponse } from "../wire/response.js";
import { openAny } from "./resource-types.js";

/** What a source without a stream brings: a response, or why there is none. */
export type Fetched = DiscoveryResponse | { readonly failed: string };

/** What sources without a stream have in common. */
export interface FollowOptions {
  /** Ends the watch. */
  readonly signal?: AbortSignal;
  /** Judges a resource that passed the structure rules; an error in the result refuses it. Must not throw. */
  readonly validate?: (resource: MessageResource) => readonly Finding[];
}

/**
 * Turns responses into the updates of a watch. Nobody is told of a refusal (V4): it stands among the errors, and the last
 * good form stays.
 */
export async function* followResponses<T>(
  type: ResourceType<T>,
  names: readonly string[],
  fetched: AsyncIterable<Fetched>,
  { validate = () => [] }: FollowOptions,
): AsyncGenerator<WatchUpdate<T>> {
  const rules = clientRules([], (typeUrl, name, value) => judge(type, typeUrl, name, value, validate, openAny));
  const interest = interestIn(names);
  let state: ClientType = {
    ...openClientType(type.typeUrl),
    ...interest,
    entries: new Map([...interest.names].map((name) => [name, { status: "requested" }])),
  };
  let told: WatchUpdate<T> | undefined;
  let connection: WatchError | undefined;
  for await (const each of fetched) {
    if ("failed" in each) {
      // The same problem again is nothing new.
      if (connection?.message !== each.failed) {
        connection = { kind: "connection", transient: true, message: each.failed };
      }
    } else {
      connection = undefined;
      state = takeResponse(state, "sotw", each, rules, performance.now()).type;
    }
    const update = watchUpdate<T>(state, interest, told, connection);
    if (update === undefined) continue;
    told = update;
    yield update;
  }
}

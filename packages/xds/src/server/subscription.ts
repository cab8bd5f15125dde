import { allowsLegacyWildcard } from "../discovery-types.js";
import { type DynamicParameters, matchesParameters, nameOfVariant } from "../dynamic-parameters.js";
import type { EncodedResource } from "../resource.js";
import { otherNames } from "../view.js";
import { canonicalName } from "../xdstp.js";

/** What a client wants of one type on one stream. */
export interface Subscription {
  /** Whether it wants everything, besides what it names. */
  readonly wildcard: boolean;
  /** What it names. */
  readonly names: ReadonlySet<string>;
  /** Dynamic parameters by name (N8). Default none. */
  readonly parameters?: ReadonlyMap<string, DynamicParameters>;
  /** Whether any request named anything, `*` included; after that an empty list means nothing, not everything. */
  readonly everNamed: boolean;
}

/** What a request changed about a {@link Subscription}. */
export interface SubscriptionChange {
  /** The subscription from now on. */
  readonly next: Subscription;
  /** Names that must be answered. */
  readonly added: readonly string[];
  /** Names that are no longer wanted by name. */
  readonly removed: readonly string[];
}

const EMPTY: ReadonlySet<string> = new Set();

/** Nothing asked for yet. */
export const NO_SUBSCRIPTION: Subscription = { wildcard: false, names: EMPTY, everNamed: false };

/** Whether a subscription covers a resource, by its name, an alias, or the glob it falls under. */
export function covers(
  subscription: Subscription,
  resource: Pick<EncodedResource, "name" | "aliases" | "constraints">,
): boolean {
  const { wildcard, names, parameters } = subscription;
  const { constraints } = resource;
  if (constraints !== undefined) {
    const name = nameOfVariant(resource.name);
    if (!matchesParameters(constraints, parameters?.get(name) ?? parameters?.get("*") ?? {})) return false;
  }
  return wildcard || names.has(resource.name) || otherNames(resource).some((name) => names.has(name));
}

/**
 * State of the world: a request lists all the client wants.
 *
 * An empty list means everything as long as the stream never named anything of the type (S7), and nothing afterwards. The
 * empty string is not a name: some clients send it to say "nothing".
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#how-the-client-specifies-what-resources-to-return
 */
export function replaceNames(
  before: Subscription,
  typeUrl: string,
  listed: readonly string[],
  parameters?: ReadonlyMap<string, DynamicParameters>,
): SubscriptionChange {
  const everNamed = before.everNamed || listed.length > 0;
  const explicit = listed.includes("*");
  const wildcard = explicit || (!everNamed && allowsLegacyWildcard(typeUrl));
  const sameNames = listed.length === before.names.size && listed.every((name) => before.names.has(name));
  const names = sameNames ? before.names : namesIn(listed);
  const added: string[] = [];
  const removed: string[] = [];
  if (!sameNames) {
    for (const name of names) if (!before.names.has(name)) added.push(name);
    for (const name of before.names) if (!names.has(name)) removed.push(name);
  }
  for (const [name, own] of parameters ?? []) {
    if (isChanged(before.parameters?.get(name), own) && !added.includes(name) && names.has(name)) added.push(name);
  }
  return { next: { wildcard, names, everNamed, ...withParameters(parameters) }, added, removed };
}

/**
 * Delta: a request adds to and takes from what the client wants.
 *
 * A first request that names nothing means everything (D10); here names that come later add to that and only
 * unsubscribing `*` ends it, unlike state of the world.
 *
 * @param first - Whether this is the stream's first request of the type.
 */
export function changeNames(
  before: Subscription,
  typeUrl: string,
  subscribe: readonly string[],
  unsubscribe: readonly string[],
  first: boolean,
  parameters?: ReadonlyMap<string, DynamicParameters>,
): SubscriptionChange {
  const legacy = first && subscribe.length === 0 && unsubscribe.length === 0 && allowsLegacyWildcard(typeUrl);
  let { wildcard } = before;
  const names = subscribe.length + unsubscribe.length === 0 ? before.names : new Set(before.names);
  const removed: string[] = [];
  if (names instanceof Set) {
    for (const name of unsubscribe.map(canonicalName)) {
      if (name === "*") wildcard = false;
      // Unsubscribing what was never subscribed changes nothing and is not answered (D7).
      else if (names.delete(name)) removed.push(name);
    }
    for (const name of subscribe.map(canonicalName)) {
      if (name === "*") wildcard = true;
      else if (name !== "") names.add(name);
    }
  }
  const known = parameters === undefined ? before.parameters : new Map([...(before.parameters ?? []), ...parameters]);
  return {
    next: {
      wildcard: wildcard || legacy,
      names,
      everNamed: before.everNamed || subscribe.length > 0,
      ...withParameters(known),
    },
    // A name subscribed again is answered again: the client may have dropped it (D3).
    added: subscribe.filter((name) => name !== "*" && name !== "").map(canonicalName),
    removed: removed.filter((name) => !names.has(name)),
  };
}

function withParameters(parameters: ReadonlyMap<string, DynamicParameters> | undefined) {
  return parameters === undefined || parameters.size === 0 ? {} : { parameters };
}

function isChanged(before: DynamicParameters | undefined, after: DynamicParameters): boolean {
  return JSON.stringify(before) !== JSON.stringify(after);
}

function namesIn(listed: readonly string[]): ReadonlySet<string> {
  const names = new Set(listed.map(canonicalName));
  names.delete("*");
  names.delete("");
  return names;
}

import type { TypeView } from "../cache.js";
import { TYPE_URL } from "../discovery-types.js";
import type { EncodedResource } from "../resource.js";
import { difference, heldVersion, remember } from "./held.js";
import type { Batch } from "./sotw.js";
import { replace, type TypeState } from "./type-state.js";

/** Types that others refer to: added before, and removed after, what refers to them. */
const REFERRED: ReadonlySet<string> = new Set([TYPE_URL.cluster, TYPE_URL.endpoints, TYPE_URL.secret]);

/** Types that refer to others. */
const REFERRERS: readonly string[] = [TYPE_URL.listener, TYPE_URL.route, TYPE_URL.scopedRoute, TYPE_URL.virtualHost];

/** The part of a session that decides about order. */
export interface OrderingState {
  /** The sub-streams by type URL. */
  readonly types: ReadonlyMap<string, TypeState>;
  /** Endpoints that clusters which were sent still wait for. */
  readonly warming: ReadonlySet<string>;
}

/** Whether a type refers to others. */
export function isReferrer(typeUrl: string): boolean {
  return REFERRERS.includes(typeUrl);
}

/**
 * Phase one of make-before-break (O2): whether a push of listeners or routes has to wait, because clusters or endpoints
 * they lead to were sent and are not acknowledged yet, or endpoints not asked for. Only pushes wait; an answer to a request
 * does not. What leads to nothing that is under way does not wait for it either.
 *
 * @param changed - What is to be pushed.
 */
export function mustFollow(
  state: OrderingState,
  type: TypeState,
  changed: readonly EncodedResource[],
  view: (typeUrl: string) => TypeView | undefined,
): boolean {
  if (!isReferrer(type.typeUrl) || type.asked || type.sentVersion === "") return false;
  const clusters = unanswered(state, TYPE_URL.cluster);
  const endpoints = new Set([...state.warming, ...unanswered(state, TYPE_URL.endpoints)]);
  if (clusters.size + endpoints.size === 0) return false;
  const wanted = clustersOf(changed, view);
  if (wanted === undefined) return true;
  const known = view(TYPE_URL.cluster)?.resources;
  return [...wanted].some((name) => {
    if (clusters.has(name)) return true;
    const cluster = known?.get(name);
    return cluster !== undefined && endpointNames(cluster).some((assignment) => endpoints.has(assignment));
  });
}

/** The clusters that listeners and routes lead to, by way of the routes that listeners name; `undefined` if not known. */
function clustersOf(
  resources: readonly EncodedResource[],
  view: (typeUrl: string) => TypeView | undefined,
): ReadonlySet<string> | undefined {
  const clusters = new Set<string>();
  const seen = new Set<EncodedResource>();
  const open = [...resources];
  for (let resource = open.pop(); resource !== undefined; resource = open.pop()) {
    if (seen.has(resource)) continue;
    seen.add(resource);
    if (resource.references === undefined) return undefined;
    for (const { typeUrl, name } of resource.references) {
      if (typeUrl === TYPE_URL.cluster) clusters.add(name);
      const next = isReferrer(typeUrl) ? view(typeUrl)?.resources.get(name) : undefined;
      if (next !== undefined) open.push(next);
    }
  }
  return clusters;
}

/** The names of a cluster's endpoints. One whose content is not known is taken for an EDS cluster of its own name. */
export function endpointNames(cluster: EncodedResource): readonly string[] {
  if (cluster.references === undefined) return [cluster.name];
  return cluster.references.filter(({ typeUrl }) => typeUrl === TYPE_URL.endpoints).map(({ name }) => name);
}

/**
 * Phase two: whether removals of clusters, endpoints and secrets have to wait, because listeners or routes that may still
 * refer to them are about to change, are not acknowledged, or were refused, so that the client goes on with old ones.
 *
 * @param patient - Whether missing acknowledgements count; a refusal always does.
 */
export function mustOutlive(
  state: OrderingState,
  typeUrl: string,
  view: (typeUrl: string) => TypeView | undefined,
  patient: boolean,
): boolean {
  if (!REFERRED.has(typeUrl)) return false;
  return REFERRERS.some((referrer) => {
    const type = state.types.get(referrer);
    if (type === undefined) return false;
    if (type.nack !== undefined) return true;
    return patient && (type.outstanding.size > 0 || isBehind(type, view(referrer)));
  });
}

function unanswered(state: OrderingState, typeUrl: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { resources } of state.types.get(typeUrl)?.outstanding.values() ?? []) {
    for (const { name } of resources) names.add(name);
  }
  return names;
}

function isBehind(type: TypeState, view: TypeView | undefined): boolean {
  if (view === undefined) return false;
  const { changed, removed } = difference(type.held, view, type.subscription);
  return changed.length > 0 || removed.some((name) => heldVersion(type.held, name) !== undefined);
}

/**
 * Takes the removals out of a batch: the client keeps what it would lose, and the next flush finds it again.
 *
 * @param repeat - Whether the response is a full set, which must repeat what is to be kept.
 */
export function withholdRemovals(before: TypeState, { state, content }: Batch, repeat: boolean): Batch {
  if (content === undefined || content.gone.length === 0) return content === undefined ? { state } : { state, content };
  const retained = new Map<string, EncodedResource>();
  const versions = new Map<string, string>();
  for (const name of content.gone) {
    const resource = before.retained.get(name) ?? before.held.base?.resources.get(name);
    const version = heldVersion(before.held, name);
    if (version === undefined || (repeat && resource === undefined)) continue;
    versions.set(name, version);
    if (repeat && resource !== undefined) retained.set(name, resource);
  }
  const next = replace(state, { held: remember(state.held, versions), retained });
  const removed = content.removed.filter((name) => !versions.has(name));
  if (content.changed.length === 0 && removed.length === 0 && !before.owed) return { state: next };
  const resources = [...content.resources, ...retained.values()];
  return { state: next, content: { ...content, resources, removed, gone: [], beyond: retained.size > 0 } };
}

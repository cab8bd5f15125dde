import type { ClusterConfig, ConfigChange, ConfigSet, ListenerConfig } from "../config-set.js";

/** Names what differs between two sets, parts of entries included; a part that several entries share is named once. */
export function configChanges(
  previous: ConfigSet | undefined,
  next: Pick<ConfigSet, "listeners" | "clusters">,
): readonly ConfigChange[] {
  const before = previous ?? { listeners: NO_LISTENERS, clusters: NO_CLUSTERS };
  return [
    ...compare("cluster", clustersOf(before), clustersOf(next)),
    ...compare("endpoints", endpointsOf(before), endpointsOf(next)),
    ...compare("secret", secretsOf(before), secretsOf(next)),
    ...compare("listener", listenersOf(before), listenersOf(next)),
    ...compare("route", routesOf(before), routesOf(next)),
  ];
}

const NO_LISTENERS: ReadonlyMap<string, ListenerConfig> = new Map();
const NO_CLUSTERS: ReadonlyMap<string, ClusterConfig> = new Map();

type Set = Pick<ConfigSet, "listeners" | "clusters">;
type Named = ReadonlyMap<string, unknown>;

function clustersOf({ clusters }: Set): Named {
  return new Map([...clusters].map(([name, { cluster }]) => [name, cluster]));
}

function endpointsOf({ clusters }: Set): Named {
  const found = new Map<string, unknown>();
  for (const [name, { endpoints }] of clusters) {
    if (endpoints !== undefined) found.set(endpoints.clusterName ?? name, endpoints);
  }
  return found;
}

function listenersOf({ listeners }: Set): Named {
  return new Map([...listeners].map(([name, { listener }]) => [name, listener]));
}

function routesOf({ listeners }: Set): Named {
  return new Map([...listeners.values()].flatMap(({ routes }) => [...routes]));
}

function secretsOf({ clusters, listeners }: Set): Named {
  return new Map([...clusters.values(), ...listeners.values()].flatMap(({ secrets }) => [...secrets]));
}

function compare(kind: ConfigChange["kind"], before: Named, after: Named): readonly ConfigChange[] {
  const changes: ConfigChange[] = [];
  for (const [name, part] of after) {
    if (!before.has(name)) changes.push({ kind, name, change: "added" });
    else if (before.get(name) !== part) changes.push({ kind, name, change: "updated" });
  }
  for (const name of before.keys()) if (!after.has(name)) changes.push({ kind, name, change: "removed" });
  return changes;
}

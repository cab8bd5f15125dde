import type { Issue } from "./errors.js";
import { referencesOf } from "./references.js";
import type { Resource } from "./resource.js";
import { typeNameOf, urlOf } from "./type-url.js";

/** A breach of consistency in a set of resources. */
export interface ConsistencyIssue extends Issue {
  /** The resource it is about; of two with one name, the second. */
  readonly resource: Resource;
}

// What clients ask for only because something refers to it.
const askedForByName: ReadonlySet<string> = new Set(
  [
    "envoy.config.endpoint.v3.ClusterLoadAssignment",
    "envoy.config.route.v3.RouteConfiguration",
    "envoy.extensions.transport_sockets.tls.v3.Secret",
    "envoy.config.core.v3.TypedExtensionConfig",
  ].map(urlOf),
);

/**
 * Checks that whatever a set of resources refers to is in it (`ERR_XDS_TYPES_DANGLING`), that nothing is in it that no
 * client will ask for (`ERR_XDS_TYPES_UNUSED`, a warning), and that no two share type and name
 * (`ERR_XDS_TYPES_DUPLICATE_RESOURCE`). Reports all, in the order of the set.
 */
export function checkConsistency(resources: readonly Resource[]): readonly ConsistencyIssue[] {
  const key = ({ typeUrl, name }: { readonly typeUrl: string; readonly name: string }): string => `${typeUrl} ${name}`;
  const there = new Set(resources.map(key));
  const references = new Map(resources.map((resource) => [resource, referencesOf(resource)]));
  const used = new Set([...references.values()].flat().map(key));
  const seen = new Set<string>();
  const issues: ConsistencyIssue[] = [];
  for (const resource of resources) {
    const own = `${typeNameOf(resource.typeUrl)} ${JSON.stringify(resource.name)}`;
    if (seen.has(key(resource))) {
      const message = `there is another ${own}`;
      issues.push({ code: "ERR_XDS_TYPES_DUPLICATE_RESOURCE", path: "", message, resource });
    }
    seen.add(key(resource));
    for (const reference of references.get(resource) ?? []) {
      if (there.has(key(reference))) continue;
      const message = `refers to ${typeNameOf(reference.typeUrl)} ${JSON.stringify(reference.name)}, which is not in the set`;
      issues.push({ code: "ERR_XDS_TYPES_DANGLING", path: reference.path, message, resource });
    }
    if (!askedForByName.has(resource.typeUrl) || used.has(key(resource))) continue;
    const message = `nothing in the set refers to ${own}, so no client will ask for it`;
    issues.push({ code: "ERR_XDS_TYPES_UNUSED", path: "", message, severity: "warning", resource });
  }
  return issues;
}

import { TYPE_URL } from "./discovery-types.js";
import type { Finding, Reference } from "./resource.js";

/** A resource as far as consistency is concerned. */
export interface Referring {
  /** Its type. */
  readonly typeUrl: string;
  /** Its name. */
  readonly name: string;
  /** What it refers to. */
  readonly references: readonly Reference[];
}

/** A breach of consistency in a set of resources. */
export interface ConsistencyFinding extends Finding {
  /** `ERR_XDS_DANGLING_REFERENCE`, an error, or `ERR_XDS_UNREFERENCED`, a warning. */
  readonly code: "ERR_XDS_DANGLING_REFERENCE" | "ERR_XDS_UNREFERENCED";
  /** The type of the resource it is about. */
  readonly typeUrl: string;
  /** The name of the resource it is about. */
  readonly resource: string;
}

// What clients subscribe to only because something refers to it.
const ON_REFERENCE: ReadonlySet<string> = new Set([TYPE_URL.endpoints, TYPE_URL.route, TYPE_URL.secret]);

/**
 * Checks that whatever is referred to is there, and that what is there only for others is referred to (O6). Reports
 * everything, not the first.
 *
 * @param resources - All resources of one snapshot.
 */
export function checkReferences(resources: readonly Referring[]): readonly ConsistencyFinding[] {
  const names = new Map<string, Set<string>>();
  for (const { typeUrl, name } of resources) {
    const type = names.get(typeUrl);
    if (type === undefined) names.set(typeUrl, new Set([name]));
    else type.add(name);
  }
  const used = new Set<string>();
  const findings: ConsistencyFinding[] = [];
  for (const { typeUrl, name, references } of resources) {
    for (const target of references) {
      used.add(`${target.typeUrl} ${target.name}`);
      if (names.get(target.typeUrl)?.has(target.name) === true) continue;
      findings.push({
        code: "ERR_XDS_DANGLING_REFERENCE",
        typeUrl,
        resource: name,
        path: target.path,
        message: `refers to ${shortType(target.typeUrl)} ${JSON.stringify(target.name)}, which is not in the snapshot`,
      });
    }
  }
  for (const { typeUrl, name } of resources) {
    if (!ON_REFERENCE.has(typeUrl) || used.has(`${typeUrl} ${name}`)) continue;
    findings.push({
      code: "ERR_XDS_UNREFERENCED",
      severity: "warning",
      typeUrl,
      resource: name,
      path: "",
      message: `nothing in the snapshot refers to this ${shortType(typeUrl)}, so no client will ask for it`,
    });
  }
  return findings;
}

function shortType(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf(".") + 1);
}

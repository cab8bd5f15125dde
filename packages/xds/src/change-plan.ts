import { type ConsistencyFinding, checkReferences, type Referring } from "./consistency.js";
import { comparePushOrder, discoveryTypeOf } from "./discovery-types.js";
import { isReferrer } from "./server/ordering.js";

/** A resource as a plan sees it. */
export interface Planned extends Referring {
  /** Its version: equal versions are not sent. */
  readonly version: string;
}

/** One change of one resource. */
export interface PlannedChange {
  /** `+` new, `~` other content, `-` gone. */
  readonly sign: "+" | "~" | "-";
  /** The type. */
  readonly typeUrl: string;
  /** The name. */
  readonly name: string;
}

/** One step of a plan. The next begins when the client has acknowledged all types of this one. */
export interface PlanPhase {
  /** What it is for: what is referred to comes, what refers moves, what is left goes. */
  readonly title: "add" | "repoint" | "remove";
  /** In the order in which they are sent. */
  readonly changes: readonly PlannedChange[];
  /** What the client's resources refer to and do not have after this phase: nothing, if both snapshots are consistent. */
  readonly dangling: readonly ConsistencyFinding[];
}

/** How a server takes clients from one snapshot to another (O2). */
export interface ChangePlan {
  /** Phases that do something, in order. */
  readonly phases: readonly PlanPhase[];
  /** How long each phase waits for acknowledgements at most, in milliseconds (O3). */
  readonly waitMs: number;
}

/**
 * Computes what make-before-break does between two snapshots, without doing it.
 *
 * @param from - What the client has: the old snapshot, or what it acknowledged of it.
 * @param waitMs - The server's bound. Default 5,000.
 */
export function planChange(from: readonly Planned[], to: readonly Planned[], waitMs = 5000): ChangePlan {
  const before = byKey(from);
  const after = byKey(to);
  const held = new Map(before);
  const phases: PlanPhase[] = [];
  const phase = (title: PlanPhase["title"], changes: readonly PlannedChange[]): void => {
    if (changes.length === 0) return;
    for (const { sign, typeUrl, name } of changes) {
      const key = `${typeUrl} ${name}`;
      const resource = after.get(key);
      if (sign === "-" || resource === undefined) held.delete(key);
      else held.set(key, resource);
    }
    const dangling = checkReferences([...held.values()]).filter(({ code }) => code === "ERR_XDS_DANGLING_REFERENCE");
    const order = [...changes].sort((a, b) => comparePushOrder(a.typeUrl, b.typeUrl) * (title === "remove" ? -1 : 1));
    phases.push({ title, changes: order, dangling });
  };
  const coming: PlannedChange[] = [];
  const moving: PlannedChange[] = [];
  for (const [key, { typeUrl, name, version }] of after) {
    const old = before.get(key);
    if (old?.version === version) continue;
    (isReferrer(typeUrl) ? moving : coming).push({ sign: old === undefined ? "+" : "~", typeUrl, name });
  }
  const going = [...before].filter(([key]) => !after.has(key)).map(([, each]) => each);
  const gone = going.map(({ typeUrl, name }): PlannedChange => ({ sign: "-", typeUrl, name }));
  phase("add", coming);
  phase("repoint", moving);
  phase("remove", gone);
  return { phases, waitMs };
}

/** A plan as text, a line for each change. */
export function formatPlan({ phases, waitMs }: ChangePlan): string {
  if (phases.length === 0) return "nothing to do\n";
  const lines: string[] = [];
  for (const [index, { title, changes, dangling }] of phases.entries()) {
    const types = [...new Set(changes.map(({ typeUrl }) => short(typeUrl)))];
    const last = index === phases.length - 1;
    const wait = last ? "" : `, then wait for ${types.join(", ")} to be acknowledged, at most ${waitMs / 1000} s`;
    lines.push(`phase ${index + 1}, ${title}${wait}`);
    for (const { sign, typeUrl, name } of changes) lines.push(`  ${sign} ${short(typeUrl)} ${name}`);
    for (const { resource, path, message } of dangling) lines.push(`  ! ${resource} ${path}: ${message}`);
  }
  const broken = phases.reduce((sum, { dangling }) => sum + dangling.length, 0);
  lines.push(broken === 0 ? "no phase has a dangling reference" : `${broken} dangling references`);
  return `${lines.join("\n")}\n`;
}

function byKey(resources: readonly Planned[]): Map<string, Planned> {
  return new Map(resources.map((resource) => [`${resource.typeUrl} ${resource.name}`, resource]));
}

function short(typeUrl: string): string {
  return discoveryTypeOf(typeUrl)?.short ?? typeUrl;
}

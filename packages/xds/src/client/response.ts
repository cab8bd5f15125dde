import { isFullSet } from "../discovery-types.js";
import { matchesParameters } from "../dynamic-parameters.js";
import type { Finding } from "../resource.js";
import { otherNames } from "../view.js";
import type { DiscoveryResponse, ResourceError, WireResource } from "../wire/response.js";
import { canonicalName } from "../xdstp.js";
import { type ClientEntry, type ClientRules, type ClientType, wants } from "./entry.js";
import { nameOf } from "./resource-name.js";

/** What a response did to a type. */
export interface Intake {
  /** The type afterwards. */
  readonly type: ClientType;
  /** Names whose entry differs. */
  readonly changed: readonly string[];
  /** What was refused, by resource name; empty means the response is acknowledged. */
  readonly refused: ReadonlyMap<string, readonly Finding[]>;
}

/** Names are not always to be had from a broken resource; findings then stand under this one. */
const NAMELESS = "";

/**
 * Takes a response apart: applies what is valid, refuses the rest by name (gRFC A46), takes away what is gone.
 *
 * @param now - Monotonic milliseconds.
 */
export function takeResponse(
  type: ClientType,
  variant: "sotw" | "delta",
  response: DiscoveryResponse,
  rules: ClientRules,
  now: number,
): Intake {
  const entries = new Map(type.entries);
  const changed = new Set<string>();
  const refused = new Map<string, Finding[]>();
  const seen = new Set<string>();
  // Aliases and globs that were asked for and stand for something in the response.
  const answered = new Set<string>();
  const set = (name: string, entry: ClientEntry): void => {
    entries.set(name, entry);
    changed.add(name);
  };
  for (const resource of response.resources) {
    const name = canonicalName(nameOf(resource));
    // N8: of the variants of a name exactly one is for this client; a second one that matches is one too many.
    if (resource.constraints !== undefined && !matchesParameters(resource.constraints, rules.parameters ?? {}))
      continue;
    if (seen.has(name) && name !== NAMELESS) {
      refuse(refused, name, { path: "", message: "the response holds it twice" });
      continue;
    }
    seen.add(name);
    // S9: what was not asked for is not our business, broken or not.
    if (!wants(type, name, resource.aliases)) continue;
    const before = entries.get(name);
    const after = takeResource(type, name, before, resource, response.version, rules, now);
    if (after.findings !== undefined) for (const finding of after.findings) refuse(refused, name, finding);
    const aliases = resource.aliases.length === 0 ? before?.aliases : resource.aliases;
    const entry = withAliases(after.entry ?? after.same, aliases);
    if (after.entry === undefined) entries.set(name, entry);
    else set(name, entry);
    if (entry.accepted === undefined) continue;
    for (const other of otherNames({ name, aliases })) {
      if (other === name || !type.names.has(other)) continue;
      answered.add(other);
      if (entries.get(other)?.status !== "acked") set(other, { status: "acked" });
    }
  }
  const present = new Set([...seen, ...answered]);
  for (const name of goneNames(type, variant, response, present, rules)) {
    const before = entries.get(name);
    const named = type.names.has(name);
    const wanted = wants(type, name, before?.aliases);
    if (before === undefined ? !named : !wanted || before.status === "does-not-exist") continue;
    for (const alias of before?.aliases ?? []) {
      if (type.names.has(alias) && !present.has(alias)) set(alias, { status: "does-not-exist" });
    }
    const after = gone(before, rules);
    // An absence is remembered of names that were asked for; of others there is nothing to say.
    if (named || after.accepted !== undefined) entries.set(name, after);
    else entries.delete(name);
    changed.add(name);
  }
  for (const error of response.errors) {
    const name = canonicalName(error.name);
    if (wants(type, name) && !seen.has(name)) set(name, failed(entries.get(name), error, rules));
  }
  const version = refused.size === 0 ? response.version : type.version;
  return { type: { ...type, entries, version, nonce: response.nonce, answered: true }, changed: [...changed], refused };
}

/** `entry` when watchers have to look, `same` when only bookkeeping differs. */
type Taken =
  | { readonly entry: ClientEntry; readonly findings?: readonly Finding[] }
  | { readonly entry?: undefined; readonly same: ClientEntry; readonly findings?: undefined };

function takeResource(
  type: ClientType,
  name: string,
  before: ClientEntry | undefined,
  resource: WireResource,
  responseVersion: string,
  rules: ClientRules,
  now: number,
): Taken {
  const { value } = resource;
  const version = resource.version === "" ? responseVersion : resource.version;
  const expiry = resource.ttlMs === undefined ? {} : { expiry: now + resource.ttlMs };
  const accepted = before?.accepted;
  if (value === undefined) {
    // E5: a heartbeat has the version we hold and no body. Otherwise the server says that it knows no such name (N1).
    if (before !== undefined && accepted?.version === version) return { same: { ...before, ...expiry } };
    return { entry: { status: "does-not-exist" } };
  }
  if (resource.typeUrl !== type.typeUrl) {
    const message = `a resource of type ${resource.typeUrl} in a response of ${type.typeUrl}`;
    return refusal(before, [{ path: "", message }]);
  }
  if (accepted !== undefined && equalBytes(accepted.value, value)) {
    const { foreign: _, ...known } = accepted;
    const entry: ClientEntry = { status: "acked", accepted: { ...known, version }, ...expiry };
    // The same content again: watchers look only if something else about it was different.
    return before?.status === "acked" ? { same: entry } : { entry };
  }
  const verdict = rules.judge(type.typeUrl, name, value);
  if (!verdict.ok) return refusal(before, verdict.findings);
  return { entry: { status: "acked", accepted: { version, value, message: verdict.message }, ...expiry } };
}

function refusal(before: ClientEntry | undefined, findings: readonly Finding[]): Taken {
  const message = findings.map((finding) => `${finding.path}: ${finding.message}`).join("; ");
  const error = { kind: "rejected", transient: false, message, findings } as const;
  const kept = before?.accepted === undefined ? {} : { accepted: before.accepted };
  return { entry: { status: "nacked", error, ...kept }, findings };
}

// S6: in state of the world absence means deletion for full sets only; a response that holds something nobody can name
// proves nothing absent.
function goneNames(
  type: ClientType,
  variant: "sotw" | "delta",
  response: DiscoveryResponse,
  seen: ReadonlySet<string>,
  { parameters = {} }: ClientRules,
): readonly string[] {
  if (variant === "delta") {
    const variants = (response.removedVariants ?? []).filter((each) => matchesParameters(each.constraints, parameters));
    const gone = [...response.removed, ...variants.map(({ name }) => name)];
    return gone.map(canonicalName).filter((name) => !seen.has(name));
  }
  if (!isFullSet(type.typeUrl) || seen.has(NAMELESS)) return [];
  return [...new Set([...type.names, ...type.entries.keys()])].filter((name) => !seen.has(name));
}

function gone(before: ClientEntry | undefined, rules: ClientRules): ClientEntry {
  if (before?.accepted === undefined || !rules.keepDeleted) return { status: "does-not-exist" };
  const error = { kind: "server", transient: false, message: "the server deleted it; it is kept in use" } as const;
  return { ...before, status: "does-not-exist", error };
}

// google.rpc.Code: what may pass by itself.
const TRANSIENT: ReadonlySet<number> = new Set([2, 13, 14]);
const NOT_FOUND = 5;

function failed(before: ClientEntry | undefined, { status }: ResourceError, rules: ClientRules): ClientEntry {
  const transient = TRANSIENT.has(status.code);
  const error = { kind: "server", transient, message: status.message } as const;
  const keep = before?.accepted !== undefined && (transient || !rules.dropOnDataError);
  return {
    status: status.code === NOT_FOUND ? "does-not-exist" : "received-error",
    error,
    ...(keep ? { accepted: before.accepted } : {}),
  };
}

function refuse(refused: Map<string, Finding[]>, name: string, finding: Finding): void {
  const list = refused.get(name);
  if (list === undefined) refused.set(name, [finding]);
  else list.push(finding);
}

function withAliases(entry: ClientEntry, aliases: readonly string[] | undefined): ClientEntry {
  return aliases === undefined || aliases.length === 0 ? entry : { ...entry, aliases };
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}

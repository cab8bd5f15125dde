import type { DynamicParameters } from "../dynamic-parameters.js";
import type { Finding } from "../resource.js";
import { otherNames } from "../view.js";
import type { WatchError } from "../watch.js";

/** A resource that passed every check. */
export interface Accepted {
  /** The server's version of it; of the whole type in state of the world. */
  readonly version: string;
  /** The encoded message, to recognise it when it comes again. */
  readonly value: Uint8Array;
  /** The decoded message. Keeps its identity until the bytes differ. */
  readonly message: unknown;
  /** Whether another server than the one in use gave it, so that its version means nothing here. */
  readonly foreign?: boolean;
}

/**
 * What the client knows of one resource. The states are those of CSDS (E7).
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/admin/v3/config_dump_shared.proto
 */
export interface ClientEntry {
  /** What came of asking for it. `accepted` may be there in every state: the last good form stays in use. */
  readonly status: "requested" | "does-not-exist" | "acked" | "nacked" | "received-error" | "timeout";
  /** The form in use. An alias or a glob that was answered has none of its own. */
  readonly accepted?: Accepted;
  /** Further names it goes by. Default none. */
  readonly aliases?: readonly string[];
  /** Why the newest word of the server is not in use. */
  readonly error?: WatchError;
  /** When the server is held to have no such resource, if it has not answered. */
  readonly deadline?: number;
  /** When the resource goes unless the server repeats it. */
  readonly expiry?: number;
}

/** One type on a client's stream. */
export interface ClientType {
  /** The type. */
  readonly typeUrl: string;
  /** Whether everything is wanted. */
  readonly wildcard: boolean;
  /** What is wanted by name. */
  readonly names: ReadonlySet<string>;
  /** Whether this stream has named anything, after which an empty list would mean "nothing". */
  readonly everNamed: boolean;
  /** Whether this stream has asked for the type. */
  readonly requested: boolean;
  /** Whether any stream ever got a response. */
  readonly answered: boolean;
  /** The last version accepted as a whole; survives the stream (S1). */
  readonly version: string;
  /** The nonce to answer with; does not survive the stream. */
  readonly nonce: string;
  /** By resource name. */
  readonly entries: ReadonlyMap<string, ClientEntry>;
}

/** The result of checking a resource. */
export type Verdict =
  | { readonly ok: true; readonly message: unknown }
  | { readonly ok: false; readonly findings: readonly Finding[] };

/** What does not change while a client talks to one server. */
export interface ClientRules {
  /** Decodes and checks a resource. Called for content that differs from the form in use. */
  readonly judge: (typeUrl: string, name: string, value: Uint8Array) => Verdict;
  /** The client's dynamic parameters (xRFC TP2): variants for others are not its business. Default none. */
  readonly parameters?: DynamicParameters;
  /** Judges the names a type would have after a response; a reason refuses the response as a whole. Default: any. */
  readonly judgeSet?: ((typeUrl: string, names: ReadonlySet<string>) => string | undefined) | undefined;
  /** A53: a resource the server took away stays in use. */
  readonly keepDeleted: boolean;
  /** A88: a data error takes the resource out of use. */
  readonly dropOnDataError: boolean;
  /** How long an unanswered name counts as unknown; 15 s in gRPC and Envoy, 30 s when the timer is transient. */
  readonly missingAfterMs: number;
  /** A88: silence is a transient error and not proof of absence. */
  readonly timerIsTransient: boolean;
}

/** A type nobody has asked for. */
export function openClientType(typeUrl: string): ClientType {
  return {
    typeUrl,
    wildcard: false,
    names: new Set(),
    everNamed: false,
    requested: false,
    answered: false,
    version: "",
    nonce: "",
    entries: new Map(),
  };
}

/** Whether the client wants a resource: by its name, an alias (D11), or the glob it falls under (N5). */
export function wants(
  type: Pick<ClientType, "wildcard" | "names">,
  name: string,
  aliases?: readonly string[],
): boolean {
  return type.wildcard || type.names.has(name) || otherNames({ name, aliases }).some((other) => type.names.has(other));
}

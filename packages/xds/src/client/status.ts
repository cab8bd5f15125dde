import type { ResourceDump } from "../client-dump.js";
import type { ClientEntry } from "./entry.js";
import type { ClientSession } from "./session.js";

/** What a client knows of one resource, in the words of CSDS (E7). */
export interface ResourceStatus {
  /** The resource's type. */
  readonly typeUrl: string;
  /** Its name. */
  readonly name: string;
  /** `ClientResourceStatus` of `envoy.admin.v3`. */
  readonly status: "REQUESTED" | "DOES_NOT_EXIST" | "ACKED" | "NACKED" | "RECEIVED_ERROR" | "TIMEOUT";
  /** The version in use; absent if none is. */
  readonly version?: string;
  /** Why the server's newest word is not in use. */
  readonly error?: string;
}

const STATUS: Readonly<Record<ClientEntry["status"], ResourceStatus["status"]>> = {
  requested: "REQUESTED",
  "does-not-exist": "DOES_NOT_EXIST",
  acked: "ACKED",
  nacked: "NACKED",
  "received-error": "RECEIVED_ERROR",
  timeout: "TIMEOUT",
};

/** Everything a client asked for or holds. */
export function resourceStatuses({ types }: ClientSession): readonly ResourceStatus[] {
  return [...types.values()].flatMap(({ typeUrl, entries }) =>
    [...entries].map(([name, { status, accepted, error }]) => ({
      typeUrl,
      name,
      status: STATUS[status],
      ...(accepted === undefined ? {} : { version: accepted.version }),
      ...(error === undefined ? {} : { error: error.message }),
    })),
  );
}

/** The same with the resources, as the client status service tells them (L3). */
export function resourceDumps({ types }: ClientSession): readonly ResourceDump[] {
  return [...types.values()].flatMap(({ typeUrl, entries }) =>
    [...entries].map(([name, { status, accepted, error }]) => ({
      typeUrl,
      name,
      clientStatus: STATUS[status],
      ...(accepted === undefined ? {} : { version: accepted.version, value: accepted.value }),
      ...(error === undefined ? {} : { error: error.message }),
    })),
  );
}

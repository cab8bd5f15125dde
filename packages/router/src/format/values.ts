import type { RouteInfo, VirtualHostInfo } from "../decision.js";
import type { RequestFacts } from "../facts.js";
import type { HeaderFields } from "../header/fields.js";

/** What a format string can read. Absent parts give the command's empty value. */
export interface FormatInput {
  /** The request as it came, and its connection. */
  readonly facts: RequestFacts;
  /** The request as far as it has been changed. */
  readonly request: RequestView;
  /** Response fields; absent at request time. */
  readonly response?: HeaderFields | undefined;
  /** HTTP status of the response; 0 before there is one. */
  readonly status: number;
  /** RESPONSE_CODE_DETAILS. */
  readonly details?: string | undefined;
  /** RESPONSE_FLAGS. */
  readonly flags?: string | undefined;
  /** The chosen route. */
  readonly route?: RouteInfo | undefined;
  /** The chosen virtual host. */
  readonly virtualHost?: VirtualHostInfo | undefined;
  /** The chosen cluster. */
  readonly cluster?: string | undefined;
  /** The virtual cluster, worked out when asked for. */
  readonly virtualCluster?: (() => string) | undefined;
  /** Number of the attempt, from 1. */
  readonly attempt: number;
  /** Body of a local reply. */
  readonly body?: string | undefined;
}

/** A request while it is being changed. */
export interface RequestView {
  /** `:method`. */
  method: string;
  /** `:scheme`. */
  scheme: string;
  /** `:authority`. */
  authority: string | undefined;
  /** `:path`. */
  path: string | undefined;
  /** Other fields. */
  readonly fields: HeaderFields;
}

/** Reads a field of a request, pseudo headers and `host` included; `name` in lower case. */
export function requestField(request: RequestView, name: string): string | undefined {
  switch (name) {
    case ":method":
      return request.method;
    case ":scheme":
      return request.scheme;
    case ":authority":
    case "host":
      return request.authority;
    case ":path":
      return request.path;
    default:
      return request.fields.get(name);
  }
}

/** One command: its value, or `undefined` where there is none. */
export type Value = (input: FormatInput) => string | undefined;

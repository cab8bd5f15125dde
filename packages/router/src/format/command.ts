import { asciiLower, byteText, percentDecode } from "../ascii.js";
import { grpcStatusOf } from "../local-reply.js";
import type { Scope } from "../scope.js";
import type { Surroundings } from "../surroundings.js";
import { connectionValue } from "./connection.js";
import { filterState, metadata } from "./metadata.js";
import type { FormatPiece } from "./parse.js";
import { startTime } from "./start-time.js";
import { uuid } from "./uuid.js";
import { type FormatInput, requestField, type Value } from "./values.js";

type Command = Extract<FormatPiece, { kind: "command" }>;

/** Compiles one command of a format string; an unknown one, or a wrong argument, is reported. */
export function compileCommand(command: Command, scope: Scope, surroundings: Surroundings): Value {
  const value = build(command, scope, surroundings);
  if (command.limit < 0) return value;
  return (input) => value(input)?.slice(0, command.limit);
}

const nothing: Value = () => undefined;

function build(command: Command, scope: Scope, surroundings: Surroundings): Value {
  const { name, argument } = command;
  switch (name) {
    case "REQ":
    case "REQUEST_HEADER":
      return fieldCommand(command, scope, (input, field) => requestField(input.request, field));
    case "RESP":
    case "RESPONSE_HEADER":
      return fieldCommand(command, scope, (input, field) => input.response?.get(field));
    case "TRAILER":
    case "RESPONSE_TRAILER":
      return fieldCommand(command, scope, () => undefined);
    case "PATH":
      return pathCommand(command, scope);
    case "QUERY_PARAM":
      return queryCommand(needArgument(command, scope));
    case "QUERY_PARAMS":
      return argument === undefined ? queryString : wrong(command, scope, `does not take ${JSON.stringify(argument)}`);
    case "ENVIRONMENT": {
      const key = needArgument(command, scope);
      const value = Object.hasOwn(surroundings.environment, key) ? surroundings.environment[key] : undefined;
      // The real program prints "-" for an absent variable even in header values, where all else prints nothing.
      const text = value === undefined ? "-" : byteText(value);
      return () => text;
    }
    case "METADATA":
    case "DYNAMIC_METADATA":
    case "CLUSTER_METADATA":
    case "UPSTREAM_METADATA":
      return metadata(name, needArgument(command, scope), scope, surroundings);
    case "FILTER_STATE":
    case "UPSTREAM_FILTER_STATE":
      return filterState(name, needArgument(command, scope), scope);
    case "PER_REQUEST_STATE":
      return filterState(name, `${needArgument(command, scope)}:PLAIN`, scope);
    case "START_TIME":
      return startTime(argument ?? "");
    case "UPSTREAM_CLUSTER_METADATA":
    case "CEL":
      return needArgument(command, scope) === "" ? nothing : nothing;
    case "GRPC_STATUS":
    case "GRPC_STATUS_NUMBER":
      return grpcStatus(command, scope);
    case "DURATION":
    case "COMMON_DURATION":
    case "REQUEST_DURATION":
    case "REQUEST_TX_DURATION":
    case "RESPONSE_DURATION":
    case "RESPONSE_TX_DURATION":
    case "BYTES_RECEIVED":
    case "BYTES_SENT":
    case "HOSTNAME":
      return plain(command, scope, name === "HOSTNAME" ? () => surroundings.environment["HOSTNAME"] : nothing);
    default: {
      const value = simple[name] ?? connectionValue(name, argument);
      if (value !== undefined) return connectionTakesArgument(name) ? value : plain(command, scope, value);
      return wrong(command, scope, "is not a known command");
    }
  }
}

/** Long names of the flags that answers of the proxy's own may carry. */
const longFlags: Readonly<Record<string, string>> = {
  FI: "FaultInjected",
  NC: "NoClusterFound",
  NR: "NoRouteFound",
  RL: "RateLimited",
  UAEX: "UnauthorizedExternalService",
};

/** Commands without arguments that read the decision. */
const simple: Readonly<Record<string, Value>> = {
  TRACE_ID: (input) => input.facts.request.traceId,
  // The request ID extension's own: the UUID in the field that it reads.
  STREAM_ID: (input) => input.facts.header("x-request-id"),
  UNIQUE_ID: (input) => uuid(input.facts.context.random),
  PROTOCOL: (input) => input.facts.request.protocol ?? "HTTP/1.1",
  ROUTE_NAME: (input) => emptyIsMissing(input.route?.name),
  VIRTUAL_HOST_NAME: (input) => emptyIsMissing(input.virtualHost?.name),
  VIRTUAL_CLUSTER_NAME(input) {
    // `other` is a name for statistics; logs and headers show nothing.
    const name = input.virtualCluster?.();
    return name === "other" ? undefined : emptyIsMissing(name);
  },
  UPSTREAM_CLUSTER: (input) => emptyIsMissing(input.cluster),
  UPSTREAM_CLUSTER_RAW: (input) => emptyIsMissing(input.cluster),
  UPSTREAM_REQUEST_ATTEMPT_COUNT: (input) => String(input.attempt),
  RESPONSE_CODE: (input) => String(input.status),
  RESPONSE_CODE_DETAILS: (input) => input.details,
  // Without flags the real program prints "-" even in header values, where all else prints nothing.
  RESPONSE_FLAGS: (input) => input.flags ?? "-",
  RESPONSE_FLAGS_LONG: (input) => longFlags[input.flags ?? "-"] ?? input.flags,
  CONNECTION_TERMINATION_DETAILS: nothing,
  LOCAL_REPLY_BODY: (input) => input.body ?? "",
  UPSTREAM_TRANSPORT_FAILURE_REASON: nothing,
  DOWNSTREAM_TRANSPORT_FAILURE_REASON: nothing,
  PROXY_STATUS: nothing,
};

function emptyIsMissing(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}

function connectionTakesArgument(name: string): boolean {
  return name.endsWith("_VALIDITY_START") || name.endsWith("_V_START") || name.endsWith("_V_END");
}

function wrong(command: Command, scope: Scope, message: string): Value {
  scope.report("ERR_ROUTER_FORMAT_INVALID", `%${command.name}% ${message}`);
  return nothing;
}

function needArgument(command: Command, scope: Scope): string {
  if (command.argument === undefined || command.argument === "") {
    wrong(command, scope, "needs an argument in parentheses");
    return "";
  }
  return command.argument;
}

function plain(command: Command, scope: Scope, value: Value): Value {
  if (command.argument !== undefined || command.limit >= 0)
    return wrong(command, scope, "takes no argument and no length");
  return value;
}

/** `NAME(X?Y)`: field X, else field Y. */
function fieldCommand(
  command: Command,
  scope: Scope,
  read: (input: FormatInput, field: string) => string | undefined,
): Value {
  const parts = needArgument(command, scope).split("?");
  if (parts.length > 2) return wrong(command, scope, "takes at most one alternative after '?'");
  const first = asciiLower(byteText(parts[0] as string));
  const second = parts[1] === undefined ? undefined : asciiLower(byteText(parts[1]));
  if (second === undefined || second === "") return (input) => read(input, first);
  return (input) => read(input, first) ?? read(input, second);
}

/** `PATH(WQ|NQ:ORIG|PATH|ORIG_OR_PATH)`. */
function pathCommand(command: Command, scope: Scope): Value {
  const [query = "WQ", which = "ORIG_OR_PATH", ...rest] = (command.argument ?? "").split(":");
  const withQuery = query === "" || query === "WQ";
  if (!withQuery && query !== "NQ") return wrong(command, scope, `expected WQ or NQ, got ${JSON.stringify(query)}`);
  const known = which === "" || which === "ORIG_OR_PATH" || which === "ORIG" || which === "PATH";
  if (!known || rest.length > 0)
    return wrong(command, scope, `expected ORIG, PATH or ORIG_OR_PATH, got ${JSON.stringify(which)}`);
  return (input) => {
    const original = which === "PATH" ? undefined : input.request.fields.get("x-envoy-original-path");
    const path = which === "ORIG" ? original : (original ?? input.request.path);
    if (path === undefined || withQuery) return path;
    const mark = path.search(/[?]/);
    return mark < 0 ? path : path.slice(0, mark);
  };
}

function queryString(input: FormatInput): string | undefined {
  const path = input.request.path ?? "";
  const mark = path.indexOf("?");
  return mark < 0 ? undefined : path.slice(mark + 1);
}

/** `QUERY_PARAM(X)`: the first value, decoded. */
function queryCommand(name: string): Value {
  const wanted = byteText(name);
  return (input) => {
    for (const piece of (queryString(input) ?? "").split("&")) {
      const equal = piece.indexOf("=");
      if (percentDecode(equal < 0 ? piece : piece.slice(0, equal)) === wanted && piece !== "") {
        return equal < 0 ? "" : percentDecode(piece.slice(equal + 1));
      }
    }
    return undefined;
  };
}

const grpcNames = [
  "OK",
  "Canceled",
  "Unknown",
  "InvalidArgument",
  "DeadlineExceeded",
  "NotFound",
  "AlreadyExists",
  "PermissionDenied",
  "ResourceExhausted",
  "FailedPrecondition",
  "Aborted",
  "OutOfRange",
  "Unimplemented",
  "Internal",
  "Unavailable",
  "DataLoss",
  "Unauthenticated",
] as const;

/** `GRPC_STATUS(CAMEL_STRING|SNAKE_STRING|NUMBER)`: of gRPC requests only. */
function grpcStatus(command: Command, scope: Scope): Value {
  const style = command.name === "GRPC_STATUS_NUMBER" ? "NUMBER" : (command.argument ?? "CAMEL_STRING");
  if (!["", "CAMEL_STRING", "SNAKE_STRING", "NUMBER"].includes(style)) {
    return wrong(command, scope, `expected CAMEL_STRING, SNAKE_STRING or NUMBER, got ${JSON.stringify(style)}`);
  }
  return (input) => {
    if (!isGrpc(input)) return undefined;
    const said = input.response?.get("grpc-status");
    // A response that does not say is judged by its HTTP status; answers of the proxy's own have none yet.
    const status = said ?? (input.status === 0 ? undefined : String(grpcStatusOf(input.status)));
    if (status === undefined) return undefined;
    const name = grpcNames[Number(status)];
    if (style === "NUMBER" || name === undefined) return status;
    return style === "SNAKE_STRING" ? name.replaceAll(/(?<=[a-z])[A-Z]/g, "_$&").toUpperCase() : name;
  };
}

function isGrpc(input: FormatInput): boolean {
  if (input.request.path === undefined) return false;
  const type = input.request.fields.get("content-type") ?? "";
  return type === "application/grpc" || type.startsWith("application/grpc+");
}

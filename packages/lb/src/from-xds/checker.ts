import type { HeaderValueOption, HealthCheck, HealthCheck_Payload } from "@weftmesh/xds-types/envoy/config/core/v3";
import type { StringMatcher } from "@weftmesh/xds-types/envoy/type/matcher/v3";
import type { Int64Range } from "@weftmesh/xds-types/envoy/type/v3";
import { httpCheckIssues } from "../http-check-rules.js";
import type { GrpcCheckOptions } from "../shell/grpc-check.js";
import type { HttpCheckOptions } from "../shell/http-check.js";
import type { TcpCheckOptions } from "../shell/tcp-check.js";
import type { StatusRange } from "../status-range.js";
import { definedOnly, enumName, type IssueList } from "./issues.js";

/** How a message wants its hosts to be checked. */
export type CheckerSpec =
  | { readonly kind: "http"; readonly options: HttpCheckOptions }
  | { readonly kind: "tcp"; readonly options: TcpCheckOptions }
  | { readonly kind: "grpc"; readonly options: GrpcCheckOptions };

/** Where a message is read, and what is found there. */
export interface CheckerScope {
  /** Name of the cluster: what hosts are called in checks that do not say otherwise. */
  readonly cluster: string;
  /** Place of the health check, in proto spelling. */
  readonly path: string;
  /** What Envoy refuses. */
  readonly issues: IssueList;
  /** What Envoy does and the checkers of this package do not. */
  readonly unsupported: IssueList;
}

/** The name Envoy's health checks give. */
const USER_AGENT = "Envoy/HC";

/** Reads how to check; nothing for a kind of check that this package does not have. */
export function readChecker(check: HealthCheck, scope: CheckerScope): CheckerSpec | undefined {
  const { path, unsupported } = scope;
  if (check.tlsOptions !== undefined) unsupported.add(`${path}.tls_options`, "checks are over plain text only");
  if (check.httpHealthCheck !== undefined) return readHttp(check.httpHealthCheck, scope);
  if (check.tcpHealthCheck !== undefined) {
    const { send, receive = [], proxyProtocolConfig } = check.tcpHealthCheck;
    const at = `${path}.tcp_health_check`;
    if (proxyProtocolConfig !== undefined) unsupported.add(`${at}.proxy_protocol_config`, "is not supported");
    const options = definedOnly<TcpCheckOptions>({
      send: send && readPayload(send, `${at}.send`, scope),
      receive: readPayloads(receive, `${at}.receive`, scope),
    });
    return { kind: "tcp", options };
  }
  if (check.grpcHealthCheck !== undefined) {
    const { serviceName, authority, initialMetadata = [] } = check.grpcHealthCheck;
    const metadata = { "user-agent": [USER_AGENT] };
    addHeaders(metadata, initialMetadata, `${path}.grpc_health_check.initial_metadata`, scope);
    const options = definedOnly<GrpcCheckOptions>({ serviceName, authority: authority || scope.cluster, metadata });
    return { kind: "grpc", options };
  }
  unsupported.add(path, "checks by HTTP, TCP or gRPC; give a checker of your own for others");
  return undefined;
}

function readHttp(check: NonNullable<HealthCheck["httpHealthCheck"]>, scope: CheckerScope): CheckerSpec {
  const { issues, unsupported } = scope;
  const path = `${scope.path}.http_health_check`;
  const codec = enumName(check.codecClientType) ?? "HTTP1";
  if (codec !== "HTTP1") unsupported.add(`${path}.codec_client_type`, `checks by HTTP1 only, got ${codec}`);
  const method = enumName(check.method) ?? "METHOD_UNSPECIFIED";
  const headers: Record<string, string[]> = { "user-agent": [USER_AGENT] };
  addHeaders(headers, check.requestHeadersToAdd ?? [], `${path}.request_headers_to_add`, scope);
  for (const [index, name] of (check.requestHeadersToRemove ?? []).entries()) {
    if (name.startsWith(":") || name.toLowerCase() === "host") {
      issues.add(`${path}.request_headers_to_remove[${index}]`, "must not be a pseudo header or host");
    }
    delete headers[name.toLowerCase()];
  }
  const options = definedOnly<HttpCheckOptions>({
    path: check.path ?? "",
    method: method === "METHOD_UNSPECIFIED" ? "GET" : method,
    host: check.host || scope.cluster,
    headers,
    send: check.send && readPayload(check.send, `${path}.send`, scope),
    receive: readPayloads(check.receive ?? [], `${path}.receive`, scope),
    responseBufferSize: check.responseBufferSize === undefined ? undefined : Number(check.responseBufferSize),
    expectedStatuses: check.expectedStatuses?.map(readRange),
    retriableStatuses: check.retriableStatuses?.map(readRange),
    serviceName: check.serviceNameMatcher && readMatcher(check.serviceNameMatcher, path, scope),
  });
  for (const issue of httpCheckIssues(options, path)) issues.add(issue.path, issue.message);
  return { kind: "http", options };
}

function readRange({ start = 0n, end = 0n }: Int64Range): StatusRange {
  return { start: Number(start), end: Number(end) };
}

function readPayloads(list: readonly HealthCheck_Payload[], path: string, scope: CheckerScope): Uint8Array[] {
  return list.map((payload, index) => readPayload(payload, `${path}[${index}]`, scope));
}

/** Bytes as they are, or in hexadecimal. */
function readPayload({ text, binary }: HealthCheck_Payload, path: string, { issues }: CheckerScope): Uint8Array {
  if (text === undefined) return binary ?? new Uint8Array(0);
  if (text === "" || !/^(?:[0-9a-f]{2})*$/i.test(text)) {
    issues.add(`${path}.text`, `must be pairs of hexadecimal digits, got ${JSON.stringify(text)}`);
    return new Uint8Array(0);
  }
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function addHeaders(
  headers: Record<string, string[]>,
  options: readonly HeaderValueOption[],
  path: string,
  { unsupported }: CheckerScope,
): void {
  for (const [index, { header, appendAction }] of options.entries()) {
    const name = header?.key?.toLowerCase() ?? "";
    const value = header?.value ?? "";
    if (value.replaceAll("%%", "").includes("%")) {
      unsupported.add(`${path}[${index}].header.value`, "substitutions are not supported");
    }
    const present = headers[name];
    const plain = value.replaceAll("%%", "%");
    switch (enumName(appendAction) ?? "APPEND_IF_EXISTS_OR_ADD") {
      case "APPEND_IF_EXISTS_OR_ADD":
        headers[name] = [...(present ?? []), plain];
        break;
      case "ADD_IF_ABSENT":
        headers[name] = present ?? [plain];
        break;
      case "OVERWRITE_IF_EXISTS_OR_ADD":
        headers[name] = [plain];
        break;
      case "OVERWRITE_IF_EXISTS":
        if (present !== undefined) headers[name] = [plain];
    }
  }
}

function readMatcher(
  matcher: StringMatcher,
  path: string,
  { unsupported }: CheckerScope,
): ((name: string) => boolean) | undefined {
  const fold = (text: string): string => (matcher.ignoreCase ? text.toLowerCase() : text);
  const { exact, prefix, suffix, contains } = matcher;
  if (exact !== undefined) return (name) => fold(name) === fold(exact);
  if (prefix !== undefined) return (name) => fold(name).startsWith(fold(prefix));
  if (suffix !== undefined) return (name) => fold(name).endsWith(fold(suffix));
  if (contains !== undefined) return (name) => fold(name).includes(fold(contains));
  unsupported.add(`${path}.service_name_matcher`, "regular expressions and custom matchers are not supported");
  return undefined;
}

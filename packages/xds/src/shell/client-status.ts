import type { Server, ServerDuplexStream, ServerUnaryCall, sendUnaryData } from "@grpc/grpc-js";
import {
  type ClientConfig,
  type ClientConfig_GenericXdsConfig,
  ClientStatusRequest,
  ClientStatusResponse,
} from "@weftmesh/xds-types/envoy/service/status/v3";
import type { NodeMatcher, StringMatcher } from "@weftmesh/xds-types/envoy/type/matcher/v3";
import type { ClientDump, ResourceDump } from "../client-dump.js";
import type { NodeIdentity } from "../node.js";
import { asBuffer, streamMethod, unaryMethod } from "./services.js";

const SERVICE = "envoy.service.status.v3.ClientStatusDiscoveryService";
const STREAM = streamMethod(SERVICE, "StreamClientStatus");
const FETCH = unaryMethod(SERVICE, "FetchClientStatus");

/**
 * Adds the client status service (CSDS, L3) to a gRPC server: what each client was sent and made of it. Node matchers by
 * id and by strings in the metadata select clients; `exclude_resource_contents` leaves the resources themselves out.
 *
 * @param dump - For example `() => server.dump()`, or `() => [client.dump()]`.
 */
export function registerClientStatus(server: Server, dump: () => readonly ClientDump[]): void {
  const answer = (bytes: Buffer): Buffer => {
    const { nodeMatchers = [], excludeResourceContents = false } = ClientStatusRequest.decode(bytes);
    const config = dump()
      .filter(({ node }) => nodeMatchers.length === 0 || nodeMatchers.some((matcher) => matchesNode(matcher, node)))
      .map((client) => clientConfig(client, excludeResourceContents));
    return asBuffer(ClientStatusResponse.encode({ config }));
  };
  const failure = (error: unknown) => ({ code: 3, details: error instanceof Error ? error.message : String(error) });
  server.addService(
    { [STREAM.path]: STREAM, [FETCH.path]: FETCH },
    {
      [STREAM.path]: (call: ServerDuplexStream<Buffer, Buffer>) => {
        call.on("error", () => undefined);
        call.on("end", () => call.end());
        call.on("data", (bytes: Buffer) => {
          try {
            call.write(answer(bytes));
          } catch (error) {
            call.emit("error", failure(error));
          }
        });
      },
      [FETCH.path]: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
        try {
          done(null, answer(call.request));
        } catch (error) {
          done(failure(error));
        }
      },
    },
  );
}

function clientConfig({ node, scope, resources }: ClientDump, exclude: boolean): ClientConfig {
  const { id, cluster, metadata, locality } = node;
  return {
    node: {
      id,
      cluster,
      ...(metadata === undefined ? {} : { metadata: metadata as never }),
      ...(locality === undefined ? {} : { locality: { ...locality } }),
    },
    ...(scope === undefined ? {} : { clientScope: scope }),
    genericXdsConfigs: resources.map((resource) => genericConfig(resource, exclude)),
  };
}

function genericConfig(resource: ResourceDump, exclude: boolean): ClientConfig_GenericXdsConfig {
  const { typeUrl, name, version, value, configStatus, clientStatus, error } = resource;
  return {
    typeUrl,
    name,
    ...(version === undefined ? {} : { versionInfo: version }),
    ...(value === undefined || exclude ? {} : { xdsConfig: { typeUrl, value } }),
    ...(configStatus === undefined ? {} : { configStatus }),
    ...(clientStatus === undefined ? {} : { clientStatus }),
    ...(error === undefined ? {} : { errorState: { details: error } }),
  };
}

function matchesNode({ nodeId, nodeMetadatas = [] }: NodeMatcher, node: NodeIdentity): boolean {
  if (nodeId !== undefined && !matchesText(nodeId, node.id)) return false;
  return nodeMetadatas.every(({ path = [], value }) => {
    let at: unknown = node.metadata;
    for (const { key = "" } of path) {
      at = typeof at === "object" && at !== null ? (at as Readonly<Record<string, unknown>>)[key] : undefined;
    }
    if (value?.stringMatch !== undefined) return typeof at === "string" && matchesText(value.stringMatch, at);
    if (value?.boolMatch !== undefined) return at === value.boolMatch;
    if (value?.presentMatch !== undefined) return (at !== undefined) === value.presentMatch;
    throw new Error("node_metadatas are matched by string_match, bool_match and present_match only");
  });
}

function matchesText(matcher: StringMatcher, text: string): boolean {
  const { ignoreCase = false } = matcher;
  const fold = (value: string): string => (ignoreCase ? value.toLowerCase() : value);
  const at = fold(text);
  if (matcher.exact !== undefined) return at === fold(matcher.exact);
  if (matcher.prefix !== undefined) return at.startsWith(fold(matcher.prefix));
  if (matcher.suffix !== undefined) return at.endsWith(fold(matcher.suffix));
  if (matcher.contains !== undefined) return at.includes(fold(matcher.contains));
  throw new Error("safe_regex and custom matchers are not supported");
}

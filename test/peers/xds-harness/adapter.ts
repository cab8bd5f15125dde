/** The service by which the public xDS test harness tells a server what to serve, over a cache of ours. */
import { setTimeout as sleep } from "node:timers/promises";
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from "@grpc/grpc-js";
import type { MessageResource, SnapshotCache } from "@weftmesh/xds";
import { Cluster } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import { ClusterLoadAssignment } from "@weftmesh/xds-types/envoy/config/endpoint/v3";
import { Listener } from "@weftmesh/xds-types/envoy/config/listener/v3";
import { RouteConfiguration } from "@weftmesh/xds-types/envoy/config/route/v3";

/**
 * How long a mutation waits. The harness unsubscribes on its stream and mutates over this service at the same time; which
 * of the two arrives first decides the outcome of its scenarios.
 */
const MUTATION_DELAY_MS = 100;

type Call = ServerUnaryCall<Buffer, Buffer>;
type Done = sendUnaryData<Buffer>;

/** A name and something that changes with the version: the harness gives names only. */
const CONTENTS: Readonly<Record<string, (name: string, version: string) => unknown>> = {
  [Cluster.typeUrl]: (name, version): Cluster => ({ name, type: "STATIC", altStatName: version }),
  [Listener.typeUrl]: (name, version): Listener => ({ name, statPrefix: version }),
  [RouteConfiguration.typeUrl]: (name, version): RouteConfiguration => ({ name, requestHeadersToRemove: [version] }),
  [ClusterLoadAssignment.typeUrl]: (clusterName, version): ClusterLoadAssignment => ({
    clusterName,
    endpoints: [{ locality: { region: version } }],
  }),
};

/** Serves the adapter of a cache. */
export async function startAdapter(cache: SnapshotCache): Promise<{ readonly port: number; readonly end: () => void }> {
  const state = new Map<string, MessageResource>();
  const versions: Record<string, string> = {};

  function put(typeUrl: string, name: string, version: string): void {
    const content = CONTENTS[typeUrl];
    if (content === undefined) throw new Error(`the harness names a type it did not use to: ${typeUrl}`);
    state.set(`${typeUrl} ${name}`, { typeUrl, name, message: content(name, version) });
    versions[typeUrl] = version;
  }

  function publish(node: string): void {
    cache.set(node, { resources: [...state.values()], versions: { ...versions } });
  }

  function change(apply: (typeUrl: string, name: string, version: string) => void) {
    return async (call: Call, done: Done): Promise<void> => {
      await sleep(MUTATION_DELAY_MS);
      const [node = "", typeUrl = "", name = "", version = ""] = [1, 2, 3, 4].map((field) => text(call.request, field));
      apply(typeUrl, name, version);
      publish(node);
      done(null, SUCCESS);
    };
  }

  const server = new Server();
  server.addService(
    { SetState: unary("SetState"), ClearState: unary("ClearState"), ...MUTATIONS },
    {
      SetState: (call: Call, done: Done) => {
        state.clear();
        const version = text(call.request, 2);
        for (const any of fields(call.request, 3)) {
          // In all four types the name is field 1.
          put(text(any, 1), text(fields(any, 2)[0] ?? Buffer.alloc(0), 1), version);
        }
        publish(text(call.request, 1));
        done(null, SUCCESS);
      },
      ClearState: (call: Call, done: Done) => {
        state.clear();
        cache.clear(text(call.request, 1));
        done(null, Buffer.alloc(0));
      },
      UpdateResource: change(put),
      AddResource: change(put),
      RemoveResource: change((typeUrl, name, version) => {
        state.delete(`${typeUrl} ${name}`);
        // The version named is the one the client has; the set without the resource is another one.
        versions[typeUrl] = `${version}-without-${name}`;
      }),
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  return { port, end: () => server.forceShutdown() };
}

/** `bool success = 1` */
const SUCCESS = Buffer.from([0x08, 1]);

const MUTATIONS = {
  UpdateResource: unary("UpdateResource"),
  AddResource: unary("AddResource"),
  RemoveResource: unary("RemoveResource"),
};

function unary(method: string) {
  const same = (message: Buffer): Buffer => message;
  return {
    path: `/adapter.Adapter/${method}`,
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  } as const;
}

function text(message: Buffer, field: number): string {
  return fields(message, field)[0]?.toString() ?? "";
}

/** The values of a field, of messages whose fields are all strings, bytes or messages. */
function fields(message: Buffer, field: number): readonly Buffer[] {
  const found: Buffer[] = [];
  let at = 0;
  while (at < message.length) {
    const tag = message[at++] ?? 0;
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[at++] ?? 0;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    if (tag === field * 8 + 2) found.push(message.subarray(at, at + length));
    at += length;
  }
  return found;
}

/** A server in this process, its clients in another: how long until the last of them has acknowledged a change. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Server, ServerCredentials, type ServerDuplexStream } from "@grpc/grpc-js";
import { createLinearCache, createServer, type EncodedResource } from "@weftmesh/xds";

export const ENDPOINTS = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";

/** A server that can be told to change what its clients have. */
export interface Publisher {
  /** Publishes new content of one resource, of another size if one is given; resolves when all have acknowledged it. */
  change(bytes?: number): Promise<void>;
  readonly port: number;
  close(): void;
}

/** A {@link Publisher} that knows when each client acknowledged. */
export interface TimedPublisher extends Publisher {
  /** Milliseconds until 99 of 100 clients had acknowledged the last change. */
  p99(): number;
}

/** Our server over a linear cache. */
export async function ourPublisher(clients: number, bytes: number, names: number): Promise<TimedPublisher> {
  const cache = createLinearCache(ENDPOINTS);
  let version = 0;
  const publish = (size = bytes): void => cache.update([resource("e0", ++version, size)]);
  for (let name = 1; name < names; name++) cache.update([resource(`e${name}`, 0, 100)]);
  publish();
  let acknowledged = 0;
  let done = (): void => {};
  let published = 0;
  const latencies: number[] = [];
  const server = createServer({
    cache,
    onEvent: ({ kind }) => {
      if (kind !== "ack") return;
      acknowledged++;
      latencies.push(performance.now() - published);
      if (acknowledged === clients) done();
    },
  });
  const port = await server.listen("127.0.0.1:0");
  return {
    port,
    p99: () => latencies.sort((a, b) => a - b)[Math.ceil(latencies.length * 0.99) - 1] ?? Number.NaN,
    change: (size) =>
      new Promise((resolve) => {
        acknowledged = 0;
        latencies.length = 0;
        published = performance.now();
        done = resolve;
        publish(size);
      }),
    close: () => void server.close(),
  };
}

/** The floor: streams that write the same bytes to everybody and count what comes back. */
export async function barePublisher(clients: number, bytes: number): Promise<Publisher> {
  const calls = new Set<ServerDuplexStream<Buffer, Buffer>>();
  // A response of one resource, with a nonce where clients look for it.
  const messageOf = (size: number): Buffer =>
    Buffer.concat([Buffer.from([0x2a, 1, 0x31, 0x12]), varint(size), Buffer.alloc(size, 0x61)]);
  const message = messageOf(bytes);
  let acknowledged = 0;
  let done = (): void => {};
  const server = new Server({ "grpc.max_send_message_length": -1 });
  const method = {
    path: "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources",
    requestStream: true,
    responseStream: true,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
  server.addService({ stream: method } as never, {
    stream: (call: ServerDuplexStream<Buffer, Buffer>) => {
      call.on("error", () => undefined);
      call.on("data", () => {
        if (!calls.has(call)) {
          calls.add(call);
          call.write(message);
          return;
        }
        acknowledged++;
        if (acknowledged === clients) done();
      });
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  return {
    port,
    change: (size = bytes) =>
      new Promise((resolve) => {
        acknowledged = 0;
        done = resolve;
        const next = size === bytes ? message : messageOf(size);
        for (const call of calls) call.write(next);
      }),
    close: () => server.forceShutdown(),
  };
}

/** Starts clients and waits until each has had its first response; `stall` then reads nothing more. */
export async function startClients(
  port: number,
  count: number,
  names: number,
  reading: "read" | "stall" = "read",
): Promise<ChildProcess> {
  const file = fileURLToPath(new URL("./clients.js", import.meta.url));
  const child = fork(file, [String(port), String(count), String(names), reading]);
  await once(child, "message", { signal: AbortSignal.timeout(60_000) });
  return child;
}

/** A server in a process of its own. */
export interface RemoteServer {
  readonly port: number;
  /** The resident set in bytes: settled, or at its peak while a resource of that size goes to everybody. */
  rss(resize?: number): Promise<number>;
  close(): void;
}

/** Starts a server whose memory is not mixed with anything else's. */
export async function startServer(
  kind: "ours" | "bare",
  clients: number,
  bytes: number,
  names: number,
): Promise<RemoteServer> {
  const file = fileURLToPath(new URL("./server.js", import.meta.url));
  const child = fork(file, [kind, clients, bytes, names].map(String), { execArgv: ["--expose-gc"] });
  const [{ port }] = (await once(child, "message", { signal: AbortSignal.timeout(30_000) })) as [{ port: number }];
  return {
    port,
    async rss(resize) {
      child.send(resize === undefined ? {} : { resize });
      const [{ rss }] = (await once(child, "message", { signal: AbortSignal.timeout(60_000) })) as [{ rss: number }];
      return rss;
    },
    close: () => child.disconnect(),
  };
}

/** An opaque resource: its content is its version. */
export function resource(name: string, version: number, bytes: number): EncodedResource {
  const value = Buffer.alloc(bytes, version % 251);
  return { typeUrl: ENDPOINTS, name, version: `${name}-${version}`, value };
}

function same(message: Buffer): Buffer {
  return message;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}
